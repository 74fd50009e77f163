"""A few threads that read, each from one committed state."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from flowforge.adapters.store.faults import Fault, judge, own_error, unavailable
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.tx import SqlTx
from flowforge.errors import StoreUnavailable
from flowforge.ports import Tx

T = TypeVar("T")

_PAUSE = 0.1


class Readers:
    """`engine` hands out connections that cannot write. Bounded like the writer's line."""

    def __init__(self, engine: Engine, *, threads: int, patience: float, limit: int = 10_000) -> None:
        self._engine = engine
        self._patience = patience
        self._limit = limit
        self._under_way = 0
        self._closed = False
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="store-reader")

    async def read(self, work: Callable[[Tx], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._under_way >= self._limit:
            raise StoreUnavailable("too many reads wait for the database", retry_after=1.0)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown()
        self._engine.dispose()

    def _run(self, work: Callable[[Tx], T]) -> T:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._once(work)
            except DBAPIError as error:
                fault = judge(error)
                if fault is Fault.OWN:
                    raise own_error(error) from error
                if fault is Fault.REFUSED or time.monotonic() + _PAUSE > deadline:
                    raise unavailable(error) from error
            time.sleep(_PAUSE)

    def _once(self, work: Callable[[Tx], T]) -> T:
        with self._engine.connect() as connection, connection.begin():
            session = Session(connection)
            try:
                return work(SqlTx(session))
            finally:
                session.open = False
