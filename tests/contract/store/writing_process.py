"""A server of its own that does nothing but write: `python -m … URL NAME COUNT` opens the store, says `ready`, waits for
the end of its input, then appends events named NAME 0, NAME 1, …, eight callers at a time, and prints each one's number
once it was told that the event is durable."""

import asyncio
import sys
from collections.abc import Iterator

from flowforge.adapters.store import SqlStore, open_store
from tests.contract.store.things import event


async def caller(store: SqlStore, name: str, numbers: Iterator[int]) -> None:
    for number in numbers:
        await store.write(lambda tx, n=number: tx.events.append([event(f"{name} {n}")]))
        print(number, flush=True)


async def main(url: str, name: str, count: int) -> None:
    store = open_store(url)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    numbers = iter(range(count))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(caller(store, name, numbers))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
