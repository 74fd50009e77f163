"""A database with a million finished runs, written by SQL."""

import sqlite3
from pathlib import Path

from sqlalchemy import Column, Integer

from flowforge.adapters.store.opening import open_store
from flowforge.adapters.store.tables import projects, runs

RUNS, PROJECTS = 1_000_000, 20
MONDAY = "2024-01-01T00:00:00.000000Z"

PROJECT = {
    "id": "n",
    "organisation_id": "1",
    "forge": "'github'",
    "origin": "'https://github.com'",
    "native_id": "n",
    "name": "'bench/project-' || n",
    "former_names": "'[]'",
    "clone_url": "'https://github.com/bench/project-' || n || '.git'",
    "default_branch": "'main'",
    "last_number": f"{RUNS // PROJECTS}",
    "created_at": f"'{MONDAY}'",
}
RUN = {
    "id": "n",
    "organisation_id": "1",
    "project_id": f"1 + n % {PROJECTS}",
    "number": f"1 + n / {PROJECTS}",
    "provider": "'local'",
    "trigger_event": "'push'",
    "repository": f"'bench/project-' || (1 + n % {PROJECTS})",
    "commit": "printf('%040x', n)",
    "ref": "'refs/heads/' || CASE n % 7 WHEN 0 THEN 'topic-' || (n % 1000) ELSE 'main' END",
    "branch": "CASE n % 7 WHEN 0 THEN 'topic-' || (n % 1000) ELSE 'main' END",
    "title": "'Change number ' || n",
    "author": "'someone'",
    "status": "CASE n % 9 WHEN 0 THEN 'failure' ELSE 'success' END",
    "on_failure": "'stop'",
    "attempt": "1",
    "config_path": "'.flowforge/ci.yml'",
    "config_digest": "'sha256:' || printf('%064x', n)",
    "config_text": "'jobs: {build: {steps: [run: make]}}'",
    **dict.fromkeys(("created_at", "planned_at", "started_at", "finished_at"), f"'{MONDAY}'"),
}


async def fill(database: Path) -> None:
    """Made by FlowForge's own migrations, then filled."""
    store = open_store(f"sqlite:///{database}")
    await store.close()
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.execute(_insert("projects", PROJECT, list(projects.columns), PROJECTS))
    connection.execute(_insert("runs", RUN, list(runs.columns), RUNS))
    for noun, last in (("projects", PROJECTS), ("runs", RUNS)):
        connection.execute("UPDATE counters SET value = ? WHERE noun = ?", (last, noun))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _insert(table: str, values: dict[str, str], columns: list[Column[object]], count: int) -> str:
    """Columns that are not named here are empty, as their kind is."""
    named = {column.name: values.get(column.name, _empty(column)) for column in columns}
    into = ", ".join(f'"{name}"' for name in named)
    return (
        f"WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count}) "
        f"INSERT INTO {table} ({into}) SELECT {', '.join(named.values())} FROM counted"
    )


def _empty(column: Column[object]) -> str:
    if column.nullable:
        return "NULL"
    return "0" if isinstance(column.type, Integer) else "''"
