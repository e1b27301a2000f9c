"""A holder that is paused too long is refused: by the session store, and by your own database.

    python -m examples.fenced_resource [URL of a store]

No lease can stop a process that was paused in the middle of its work from going on later. What can
is the fence, the number of an opening: the table below takes no write with a smaller one than it
has seen. Here a real process is stopped (SIGSTOP) until its lease is over, and then goes on.
"""

import multiprocessing
import os
import signal
import sqlite3
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from sessionstore import LeaseLost, SessionStore
from sessionstore.embedded import EmbeddedServer

TABLE = "CREATE TABLE account (id TEXT PRIMARY KEY, balance INTEGER, fence INTEGER)"
WRITE = "UPDATE account SET balance = ?, fence = ? WHERE id = 'alice' AND fence <= ?"


def write(database: Path, balance: int, fence: int) -> bool:
    """Set the balance, unless a later opening has written: whether it was."""
    connection = sqlite3.connect(database)
    with connection:
        changed = connection.execute(WRITE, (balance, fence, fence)).rowcount
    connection.close()
    return changed == 1


def paused(url: str, sid: str, database: Path, line: Connection) -> None:
    """Open the session and write; go on much later, as if nothing had happened."""
    with SessionStore.connect(url) as store:
        session = store.open(sid, lease=0.5)
        line.send(write(database, 100, session.fence))
        line.recv()  # paused about here
        accepted = write(database, 1, session.fence)
        try:
            session["note"] = "from the past"
            session.close()
            line.send((accepted, "saved"))
        except LeaseLost as error:
            line.send((accepted, type(error).__name__))


def main(url: str) -> None:
    with tempfile.TemporaryDirectory() as folder, SessionStore.connect(url) as store:
        database = Path(folder, "accounts.db")
        with sqlite3.connect(database) as connection:
            connection.execute(TABLE)
            connection.execute("INSERT INTO account VALUES ('alice', 0, 0)")
        connection.close()

        sid = store.create(open=False).id
        spawn = multiprocessing.get_context("spawn")
        here, there = spawn.Pipe()
        first = spawn.Process(target=paused, args=(url, sid, database, there), daemon=True)
        first.start()
        print("the first holder writes 100:", "accepted" if here.recv() else "refused")
        os.kill(first.pid or 0, signal.SIGSTOP)
        with store.open(sid, wait=10) as session:  # comes back when the lease is over
            accepted = write(database, 250, session.fence)
            print("the second holder writes 250:", "accepted" if accepted else "refused")
        os.kill(first.pid or 0, signal.SIGCONT)
        here.send("go on")
        accepted, outcome = here.recv()
        print("the first wakes up and writes 1:", "accepted" if accepted else "refused")
        print("the first closes its session:", outcome)
        print("the note in the session:", store.read(sid).get("note", "none"))
        first.join()
        store.delete(sid)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with EmbeddedServer() as server:
            main(server.url)
