"""A replay loses no update, says what it measured, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessionstore.cli.replay import load_balancer
from sessionstore.cli.replay.access_log import Request
from sessionstore.cli.replay.app_server import Where, serve
from sessionstore.cli.replay.client_sessions import lost_updates, session_id
from sessionstore.cli.replay.figures import percentile_ms
from sessionstore.cli.replay.load_balancer import Crashed
from sessionstore.cli.replay.made_up_traffic import generated
from sessionstore.errors import SessionStoreError, StoreUnavailable
from sessionstore.store import SessionStore
from tests.support.wait import wait_until

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "apache_access.log.gz"
KEYS = [
    *("requests", "sessions", "seconds", "requests_per_second", "open_ms_p50", "open_ms_p99"),
    *("waits", "handover_ms_p50", "handover_ms_p99", "bytes_per_session", "lost_updates"),
    "malformed_lines",
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text("".join(f"{line}\n" for line in (*generated(300, 5), "no log line")))
    return path


def keys(store: SessionStore, pattern: str) -> dict[bytes, int]:
    """Keys of the server, and in how many ms they expire (-1: never)."""
    driver: Any = store._driver
    (found,) = driver.ask_each("KEYS", pattern).values()
    return {key: driver.ask_each("PTTL", key)[""] for key in found}


def test_a_replay_on_a_server_of_its_own_loses_nothing(
    process: Callable[..., subprocess.Popen[str]], log: Path
) -> None:
    child = process("replay", str(log), "--json")
    out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (0, "")
    figures = json.loads(out)
    assert list(figures)[: len(KEYS)] == KEYS
    assert figures["requests"] == 300
    assert figures["malformed_lines"] == 1
    assert figures["lost_updates"] == 0
    assert figures["open_ms_p50"] <= figures["open_ms_p99"]


def test_a_replay_in_another_store_leaves_nothing_that_stays(
    cli: Callable[..., Any], url: str, store: SessionStore, log: Path
) -> None:
    store.create("mine", open=False)
    mine = f"{{{store._context.keys.prefix}:*"
    before = keys(store, mine)
    said = cli("replay", str(log), "--url", url, "--servers", "2", "--concurrency", "4")
    assert (said.status, said.err) == (0, "")
    for text in ("requests", "malformed", "hand-over", "bytes per session", "lost updates", "seed"):
        assert text in said.out
    left = keys(store, "{replay-*")
    assert [key for key, ttl in left.items() if ttl == -1] == []
    assert set(before) <= set(keys(store, mine))


def test_a_prefix_with_sessions_is_refused_and_untouched(
    ss: Callable[..., Any], store: SessionStore, log: Path
) -> None:
    store.create("mine", open=False)
    said = ss("replay", str(log))
    assert said.status == 2
    assert "use another" in said.err
    assert store.count() == 1


def test_a_prefix_can_be_used_again_at_once(ss: Callable[..., Any], log: Path) -> None:
    for _ in range(2):
        assert ss("replay", str(log), "--json", "--servers", "1").json["lost_updates"] == 0


def test_a_lost_update_is_found_and_is_exit_status_1(
    ss: Callable[..., Any], log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tampering(store: SessionStore, requests: Any) -> int:
        with store.open(session_id(requests[0].client)) as session:
            session["count"] -= 1
        store.delete(session_id(requests[-1].client))
        return lost_updates(store, requests)

    monkeypatch.setattr("sessionstore.cli.replay.commands.lost_updates", tampering)
    said = ss("replay", str(log), "--json")
    assert said.status == 1
    assert said.json["lost_updates"] >= 2
    assert "lost" in said.err


def test_a_request_counts_and_keeps_the_last_20_paths(store: SessionStore) -> None:
    for number in range(25):
        serve(store, Request("::1", f"/{number}"))
    found = store.read(session_id("::1"))
    assert found["count"] == 25
    assert found["paths"] == [f"/{number}" for number in range(5, 25)]


def test_an_app_server_that_is_killed_ends_the_run_with_an_error(
    url: str, prefix: str, store: SessionStore
) -> None:
    requests = [Request("one", "/")] * 100_000
    pids: list[int] = []

    def progress(_: int) -> None:
        if not pids:
            pids.extend(child.pid for child in load_balancer.multiprocessing.active_children())
            os.kill(pids[0], signal.SIGKILL)

    with pytest.raises(Crashed, match=r"app server \d ended .* -9"):
        load_balancer.replay(
            requests, Where(url, prefix, 256), servers=2, concurrency=4, seed=1, progress=progress
        )
    assert pids
    assert not load_balancer.multiprocessing.active_children()


def test_an_error_of_the_store_at_an_app_server_is_raised_here(url: str, prefix: str) -> None:
    with pytest.raises(SessionStoreError):
        load_balancer.replay(
            [Request("one", "/")],
            Where(url, "{}", 256),
            servers=1,
            concurrency=1,
            seed=1,
            progress=lambda _: None,
        )
    with pytest.raises(StoreUnavailable):
        load_balancer.replay(
            [Request("one", "/")],
            Where("redis://127.0.0.1:1", prefix, 256),
            servers=1,
            concurrency=1,
            seed=1,
            progress=lambda _: None,
        )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_everything_without_a_traceback(
    process: Callable[..., subprocess.Popen[str]],
    url: str,
    store: SessionStore,
    tmp_path: Path,
    number: signal.Signals,
    status: int,
) -> None:
    path = tmp_path / "long.log"
    path.write_text("".join(f"{line}\n" for line in generated(50_000, 1)))
    child = process("replay", str(path), "--url", url)
    # Three app servers, and the tracker of what they share.
    children = wait_until(
        lambda: found if len(found := children_of(child.pid)) >= 4 else [], "it runs", timeout=30
    )
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (status, "", "")
    wait_until(lambda: not any(map(alive, children)), "its processes have ended")
    assert [key for key, ttl in keys(store, "{replay-*").items() if ttl == -1] == []


def children_of(parent: int) -> list[int]:
    listed = subprocess.run(
        ("ps", "-axo", "pid=,ppid="), capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [int(pid) for pid, of in rows if int(of) == parent]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("replay", "/nowhere/log"), "cannot read"),
        (("replay", "LOG", "--servers", "4", "--concurrency", "3"), "--concurrency"),
        (("replay", "LOG", "--url", "redis://127.0.0.1:1"), "cannot be reached"),
        (("replay", "LOG", "--url", "http://x"), "begins with"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_status_2(
    cli: Callable[..., Any], log: Path, arguments: tuple[str, ...], text: str
) -> None:
    said = cli(*(str(log) if word == "LOG" else word for word in arguments))
    assert (said.status, said.out) == (2, "")
    assert text in said.err
    assert said.err.count("\n") == 1


def test_the_demo_says_what_it_shows_in_two_lines(cli: Callable[..., Any], url: str) -> None:
    said = cli("demo", "--requests", "200", "--url", url)
    assert said.status == 0
    assert said.err.count("\n") == 3
    assert "made-up traffic" in said.out


@pytest.mark.slow
def test_the_demo_kills_a_worker_and_another_makes_the_report(
    cli: Callable[..., Any], url: str
) -> None:
    said = cli("demo", "--requests", "10", "--url", url)
    told = [
        line.split()[2:] for line in said.out.splitlines() if re.match(r" +\d+\.\d\d s  ", line)
    ]
    kinds = [words[0] for words in told]
    assert kinds.count("running") == 2
    assert kinds.index("running") < kinds.index("progress") < kinds.index("kill")
    assert kinds[-1] == "result"
    (killed,) = [" ".join(words[2:4]).rstrip(",") for words in told if words[0] == "kill"]
    first, second = [" ".join(words[2:4]) for words in told if words[0] == "running"]
    assert killed == first != second
    assert said.status == 0


def test_the_demo_writes_figures_only_as_json(cli: Callable[..., Any], url: str) -> None:
    said = cli("demo", "--requests", "10", "--url", url, "--json")
    assert said.json["requests"] == 10


@pytest.mark.slow
def test_the_real_log_loses_nothing(cli: Callable[..., Any]) -> None:
    if not REAL.exists():
        pytest.skip(f"the real access log is not part of the project (looked for {REAL})")
    said = cli("replay", str(REAL), "--json")
    assert said.status == 0
    figures = said.json
    assert (figures["requests"], figures["sessions"]) == (10_000, 1753)
    assert figures["lost_updates"] == 0
    assert figures["waits"] > 0


def test_percentiles_are_times_that_were_measured() -> None:
    assert percentile_ms([], 50) is None
    assert percentile_ms([3_000_000], 99) == 3.0
    times = [number * 1_000_000 for number in range(1, 101)]
    assert (percentile_ms(times, 50), percentile_ms(times, 99)) == (50.0, 99.0)


def test_an_id_is_never_taken_for_a_generated_one(store: SessionStore) -> None:
    serve(store, Request("ns.abcdefghijklmnopqrstuv", "/"))
    assert session_id("x") != "x"
