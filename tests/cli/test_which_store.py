"""Which store a command means, and that one which only reads never makes one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessionstore.cli.replay import load_balancer
from sessionstore.cli.replay.made_up_traffic import generated
from sessionstore.config import Parameters
from sessionstore.doctor import Verdict, examine
from sessionstore.store import SessionStore
from tests.support.wait import wait_until

Command = Callable[..., Any]

READING = [
    ("ls",),
    ("ls", "--owner", "alice", "--json"),
    ("show", "x"),
    ("end", "x"),
    ("end", "--owner", "x"),
    ("params",),
    ("params", "--json"),
    ("sweep",),
    ("doctor",),
    ("doctor", "--json"),
]


def keys(store: SessionStore, pattern: str) -> list[bytes]:
    driver: Any = store._driver
    (found,) = driver.ask_each("KEYS", pattern).values()
    return sorted(found)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text("".join(f"{line}\n" for line in generated(300, 5)))
    return path


@pytest.mark.parametrize("words", READING)
def test_a_mistyped_prefix_is_said_and_makes_no_store(
    cli: Command, url: str, store: SessionStore, prefix: str, words: tuple[str, ...]
) -> None:
    said = cli(*words, "--url", url, "--prefix", f"{prefix}mistyped")
    assert keys(store, f"*{prefix}mistyped*") == []
    assert f"{prefix}mistyped" in said.out + said.err
    if words[0] == "doctor":
        assert said.status == 1
    else:
        assert (said.status, said.out) == (2, "")
        assert said.err.count("\n") == 1


@pytest.mark.parametrize("words", READING)
def test_reading_where_no_server_has_been_starts_none(
    cli: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = cli(*words, "--url", f"embedded://{tmp_path}/never")
    assert said.status == (1 if words[0] == "doctor" else 2)
    assert f"{tmp_path}/never" in said.out + said.err
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_finds_that_there_is_no_store(url: str, store: SessionStore) -> None:
    (found,) = [one for one in examine(url, prefix="nowhere") if one.check == "store"]
    assert found.verdict is Verdict.CHANGE
    assert "nowhere" in found.found
    assert "prefix" in found.advice
    assert keys(store, "*nowhere*") == []


def test_setting_a_parameter_makes_a_store_and_says_so(
    cli: Command, url: str, store: SessionStore, prefix: str
) -> None:
    where = ("--url", url, "--prefix", f"{prefix}new")
    said = cli("params", "lease=20", "--json", *where)
    assert said.status == 0
    assert f"made a new store: prefix '{prefix}new', 256 buckets" in said.err
    assert said.json["lease"] == 20
    again = cli("params", "lease=21", *where)
    assert (again.status, again.err) == (0, "")


# ── the options before the command, and the variable ─────────────────────────────────────────────


def test_url_and_prefix_may_come_before_the_command_and_the_later_wins(
    cli: Command, url: str, prefix: str, store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("here", open=False)
    monkeypatch.setenv("SESSIONSTORE_URL", "redis://127.0.0.1:1")
    for words in (
        ("--url", url, "--prefix", prefix, "ls"),
        (f"--url={url}", "ls", "--prefix", prefix),
        ("--prefix", prefix, "ls", "--url", url),
        ("--url", "redis://127.0.0.1:2", "--prefix", "no", "ls", "--url", url, "--prefix", prefix),
        ("--url", "redis://127.0.0.1:2", "--url", url, "--prefix", prefix, "ls"),
    ):
        said = cli(*words, "--json")
        assert said.status == 0, said.err
        assert [row["id"] for row in said.json] == ["here"]
    for words in (("params",), ("doctor",), ("show", "here"), ("sweep",)):
        assert cli("--url", url, "--prefix", prefix, *words).status == 0
    assert "127.0.0.1:1." in cli("ls").err
    assert "127.0.0.1:2." in cli("--url", "redis://127.0.0.1:2", "ls").err


def test_an_option_that_the_command_does_not_have_is_not_swallowed(cli: Command, url: str) -> None:
    for words in (("--url", url, "up"), ("--prefix", "x", "demo"), ("--prefix", "x", "up")):
        said = cli(*words)
        assert said.status == 2
        assert f"{words[2]} has no option {words[0]}" in said.err


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_url_is_an_error_and_not_the_default(
    cli: Command, empty: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    commands = (*READING, ("replay", "x"), ("demo",))
    for words in commands:
        said = cli(*words, "--url", empty)
        assert (said.status, said.out) == (2, "")
        assert "URL of the store is empty" in said.err
        assert cli("--url", empty, *words).status == 2
    monkeypatch.setenv("SESSIONSTORE_URL", empty)
    for words in commands:
        said = cli(*words)
        assert (said.status, said.out) == (2, "")
        assert "SESSIONSTORE_URL" in said.err
        assert said.err.count("\n") == 1
    assert cli("ls", "--url", url, "--prefix", "none").err.count("no store") == 1
    assert cli("--version").status == 0
    assert list(tmp_path.iterdir()) == []


# ── a replay in a store that is there ────────────────────────────────────────────────────────────


def test_a_replay_keeps_the_parameters_of_the_store(
    ss: Command, store: SessionStore, log: Path
) -> None:
    store.configure(max_waiters=20, lease=20)
    before = store.parameters()
    assert ss("replay", str(log), "--json").json["lost_updates"] == 0
    assert store.parameters() == before
    said = ss("replay", str(log), "--concurrency", "22")
    assert said.status == 2
    assert "--concurrency 21" in said.err
    assert store.parameters() == before


def test_a_replay_ends_only_what_it_made(
    ss: Command, store: SessionStore, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = load_balancer.replay

    def meanwhile(*given: Any, **named: Any) -> Any:
        store.create("somebody's", owner="alice", open=False)
        return replay(*given, **named)

    monkeypatch.setattr(load_balancer, "replay", meanwhile)
    assert ss("replay", str(log), "--json").status == 0
    assert [info.id for info in store.list()] == ["somebody's"]


def test_a_replay_leaves_no_store_where_there_was_none(
    cli: Command, url: str, prefix: str, store: SessionStore, log: Path
) -> None:
    said = cli("replay", str(log), "--url", url, "--prefix", f"{prefix}new", "--json")
    assert said.status == 0
    driver: Any = store._driver
    for key in keys(store, f"{{{prefix}new:*"):
        assert driver.ask_each("PTTL", key)[""] >= 0, key


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_interrupted_keeps_the_parameters_too(
    process: Callable[..., subprocess.Popen[str]],
    url: str,
    prefix: str,
    store: SessionStore,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    path = tmp_path / "long.log"
    path.write_text("".join(f"{line}\n" for line in generated(50_000, 1)))
    child = process("replay", str(path), "--url", url, "--prefix", prefix)
    wait_until(lambda: store.count() > 3, "it runs", timeout=30)
    child.send_signal(number)
    child.communicate(timeout=30)
    assert store.parameters() == Parameters()
    assert store.count() == 0


def test_a_pipe_gets_a_line_for_each_row(ss: Command, store: SessionStore) -> None:
    store.create("x" * 200, owner="o" * 200, open=False)
    row = next(line for line in ss("ls").out.splitlines() if "xx" in line)
    assert "x" * 200 in row
    assert "o" * 200 in row


def test_a_terminal_without_the_characters_gets_escapes(
    process: Callable[..., subprocess.Popen[str]],
    url: str,
    prefix: str,
    store: SessionStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.create("é日", open=False)
    monkeypatch.setitem(os.environ, "PYTHONIOENCODING", "ascii")
    where = ("--url", url, "--prefix", prefix)
    out, err = process("ls", *where).communicate(timeout=30)
    assert (err, r"\xe9\u65e5" in out) == ("", True)
    out, _ = process("ls", "--json", *where).communicate(timeout=30)
    assert [row["id"] for row in json.loads(out)] == ["é日"]
