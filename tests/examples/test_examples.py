"""Each example runs by itself, on a server of its own or on a given one, and does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessionstore import SessionStore
from sessionstore.embedded import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 92

PRINTS = {
    "shopping_cart": """
laptop /add?item=tea     a visitor: tea
laptop /login?user=alice alice: tea
phone  /login?user=alice alice: an empty cart
phone  /add?item=bread   alice: bread
laptop /logout           goodbye, alice: 2 sessions ended
phone  /                 a visitor: an empty cart
""",
    "async_worker": r"""
200 tasks over 5 sessions counted \[40, 40, 40, 40, 40\]
lost updates: 0
\d+ waited for another, at most 0:00:\d\d\.\d+
""",
    "soul_shop": """
thread 1  GET /add?item=tea  1 in the cart
thread 1  GET /add?item=milk 2 in the cart
thread 1  POST /order        see /receipt
thread 2  GET /receipt       2: in use by thread 1, so wait
thread 1  POST /order        ordered, the cart is empty again
thread 2  GET /receipt       0: tea, milk
thread 1  GET /bye           2: it is open here, and ends with the close
thread 1  GET /bye           1: not found any more
""",
    "app_server": """
server 1  /login?user=alice alice: page 1
server 2  /                 alice: page 2
server 1  /sessions         alice has 1 session, says a worker
server 2  /                 alice: page 4
server 1  /logout           goodbye
server 2  /                 nobody is logged in
""",
    "report": r"""
(alice  progress: \d+%
)*alice  progress: 100%
alice  result: {'pages': 4}
(alice  progress: \d+%
)*alice  cancelled: {'reason': 'session ended: deleted'}
alice  session-ended: {'reason': 'deleted'}
the other one is cancelled
""",
    "fenced_resource": """
the first holder writes 100: accepted
the second holder writes 250: accepted
the first wakes up and writes 1: refused
the first closes its session: LeaseLost
the note in the session: none
""",
}
EXACT = {"app_server", "shopping_cart", "soul_shop", "fenced_resource"}
PREFIXES = {"soul_shop": "soul"}


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


def run(name: str, *arguments: str) -> str:
    command = (sys.executable, "-W", "error", "-m", f"examples.{name}", *arguments)
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    return ran.stdout.strip()


def expected(name: str) -> str:
    text = PRINTS[name].strip()
    return re.escape(text) if name in EXACT else text


def test_every_example_is_run() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == set(PRINTS)


@pytest.mark.parametrize("name", PRINTS)
def test_an_example_prints_what_it_promises(name: str) -> None:
    assert re.fullmatch(expected(name), run(name))


@pytest.mark.parametrize("name", PRINTS)
def test_an_example_uses_the_store_that_it_is_given(name: str, server: EmbeddedServer) -> None:
    with SessionStore.connect(server.url, prefix=PREFIXES.get(name, "ss")) as store:
        already = len(list(store.events()))
        assert re.fullmatch(expected(name), run(name, server.url))
        assert len(list(store.events())) > already


@pytest.mark.parametrize("name", PRINTS)
def test_an_example_is_small_and_tells_its_story_on_top(name: str) -> None:
    text = (ROOT / "examples" / f"{name}.py").read_text()
    assert text.startswith('"""')
    assert len(text.splitlines()) <= MOST_LINES
