"""From nothing to the present schema, in one piece or not at all."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from flowforge.adapters.store import migrations, open_store
from flowforge.adapters.store.tables import NOUNS, metadata
from flowforge.errors import Conflict
from tests.contract.store.things import event

DIE = """
import os, signal, sys
from sqlalchemy import Engine, event

left = int(sys.argv[2])

def die(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "after_cursor_execute", die)
from flowforge.adapters.store import open_store
open_store(sys.argv[1])
"""


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


async def test_an_empty_database_gets_the_schema_the_code_expects(url: str) -> None:
    await open_store(url).close()
    with connected(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        counted = connection.execute(text("SELECT noun FROM counters")).scalars()
        assert set(counted) == set(NOUNS)
        assert connection.execute(text("SELECT id FROM organisations")).scalars().all() == [1]


async def test_opening_again_changes_nothing(url: str) -> None:
    store = open_store(url)
    epoch = await store.read(lambda tx: tx.events.epoch())
    await store.write(lambda tx: tx.events.append([event()]))
    await store.close()
    again = open_store(url)
    assert await again.read(lambda tx: (tx.events.epoch(), tx.events.last())) == (epoch, 1)
    await again.close()


def test_an_up_to_date_database_is_opened_without_alembic(url: str) -> None:
    asyncio.run(open_store(url).close())
    program = (
        "import sys, asyncio; from flowforge.adapters.store import open_store; "
        "asyncio.run(open_store(sys.argv[1]).close()); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, timeout=60, check=True)
    assert done.stdout == b"False\n"


async def test_a_database_from_a_newer_version_is_refused(url: str) -> None:
    await open_store(url).close()
    with connected(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
    with pytest.raises(Conflict) as caught:
        open_store(url)
    assert "9999" in caught.value.message
    assert migrations.REVISIONS[-1] in caught.value.message


@pytest.mark.parametrize("statement", [5, 28])
def test_a_migration_killed_in_the_middle_leaves_nothing_of_itself(url: str, statement: int) -> None:
    died = subprocess.run(
        [sys.executable, "-c", DIE, url, str(statement)], timeout=60, check=False, capture_output=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    with connected(url) as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    asyncio.run(write_one_event(url))


async def write_one_event(url: str) -> None:
    store = open_store(url)
    await store.write(lambda tx: tx.events.append([event()]))
    assert await store.read(lambda tx: tx.events.last()) == 1
    await store.close()


def test_the_list_of_revisions_is_what_the_folder_holds() -> None:
    folder = Path(migrations.__file__).parent
    found = [script.revision for script in ScriptDirectory(str(folder)).walk_revisions()]
    assert tuple(reversed(found)) == migrations.REVISIONS
