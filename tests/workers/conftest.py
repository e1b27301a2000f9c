"""The worker pool as it is deployed, a process of its own, and programs that have jobs done."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sessionstore import SessionStore
from sessionstore.jobs import Jobs
from tests.house.sources import ROOT
from tests.support.worlds import BUCKETS, Places

READY = "is ready\n"


class Pool:
    """A running pool over a store of its own."""

    def __init__(self, url: str, *options: str) -> None:
        self.url = url
        self.prefix = f"w{secrets.token_hex(6)}"
        self.store = SessionStore.connect(url, prefix=self.prefix, buckets=BUCKETS)
        self.jobs = Jobs(self.store)
        command = (
            *(sys.executable, "-W", "error", "-m", "workers", "--url", url),
            *("--prefix", self.prefix, "--buckets", str(BUCKETS), "--profile", "interactive"),
        )
        self.process = subprocess.Popen(
            (*command, *options), cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().endswith(READY)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(30) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.store.close()


@pytest.fixture(scope="module")
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    if "embedded" not in request.config.getoption("--servers").split(","):
        pytest.skip("without embedded, says --servers")
    places: Places = request.getfixturevalue("places")
    pool = Pool(
        places.get("embedded").url, "--administrators", "root", "--licences", "ASC=10,MWC,OFF=0"
    )
    yield pool
    pool.close()
