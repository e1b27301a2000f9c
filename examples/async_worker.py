"""Many tasks, few sessions: every task waits for its turn, and no update is lost.

    python -m examples.async_worker [URL of a store]

Run it in several terminals with the same URL: the tasks of all processes wait in one line. What
leaves in the same turn of the event loop goes to the server in one write, without your doing.
"""

import asyncio
import sys
from datetime import timedelta

from sessionstore import AsyncSessionStore
from sessionstore.embedded import EmbeddedServer

SESSIONS = 5
TASKS = 200


async def work(store: AsyncSessionStore, sid: str) -> timedelta:
    """Do one piece of work; return how long it waited for its turn."""
    async with store.open(sid, wait=30) as session:
        done = session["done"]
        await asyncio.sleep(0)  # the others run now; without a holder their updates would be lost
        session["done"] = done + 1
    return session.waited


async def main(url: str) -> None:
    async with AsyncSessionStore.connect(url) as store:
        sids = [
            (await store.create(data={"done": 0}, open=False, lifetime=60)).id
            for _ in range(SESSIONS)
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(store, sids[n % SESSIONS])) for n in range(TASKS)]

        done = [(await store.read(sid))["done"] for sid in sids]
        waits = [task.result() for task in tasks]
        print(f"{TASKS} tasks over {SESSIONS} sessions counted {done}")
        print(f"lost updates: {TASKS - sum(done)}")
        print(
            f"{sum(wait > timedelta(0) for wait in waits)} waited for another, at most {max(waits)}"
        )
        for sid in sids:
            await store.delete(sid)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(sys.argv[1]))
    else:
        with EmbeddedServer() as server:
            asyncio.run(main(server.url))
