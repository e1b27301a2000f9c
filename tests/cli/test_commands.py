"""The commands tell the truth about a store, and say in one line what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sessionstore.cli.output import duration, short, size
from sessionstore.config import Parameters
from sessionstore.embedded import EmbeddedServer
from sessionstore.errors import ConfigError
from sessionstore.store import SessionStore

Command = Callable[..., Any]


def test_ls_lists_by_owner_and_pattern(ss: Command, store: SessionStore) -> None:
    store.create("cart", owner="alice", open=False)
    store.create("car [x]", owner="*", open=False)
    with store.create("visit"):
        assert store.label in ss("ls").out
    assert sorted(row["id"] for row in ss("ls", "--json").json) == ["car [x]", "cart", "visit"]
    assert [row["id"] for row in ss("ls", "--json", "--owner", "alice").json] == ["cart"]
    assert len(ss("ls", "--json", "--pattern", "car*").json) == 2
    assert len(ss("ls", "--json", "--limit", "1").json) == 1
    text = ss("ls").out
    for word in ("car [x]", "* (public)", "(anonymous)", "alice"):
        assert word in text


def test_ls_of_an_empty_store_says_so(ss: Command) -> None:
    said = ss("ls")
    assert (said.status, said.out, said.err) == (0, "", "no session\n")
    assert ss("ls", "--json").json == []


def test_show_tells_facts_and_sizes_and_values_only_when_asked(
    ss: Command, store: SessionStore
) -> None:
    store.create("cart", owner="alice", data={"secret": "s3cret", "n": None}, open=False)
    text = ss("show", "cart", "--owner", "alice").out
    assert "secret" in text
    assert "7 B" in text
    assert "s3cret" not in text
    told = ss("show", "cart", "--owner", "alice", "--json").json
    assert told["sid"] == "alice:cart"
    assert told["attributes"][1] == {"name": "secret", "type": "str", "bytes": 7}
    assert "s3cret" in ss("show", "cart", "--owner", "alice", "--values").out
    assert ss("show", "cart", "--owner", "alice", "--values", "--json").json["attributes"][0][
        "value"
    ] == repr(None)


def test_show_tells_what_is_kept_beside_a_session(ss: Command, store: SessionStore) -> None:
    with store.create("cart", owner="alice", data={"n": 1}) as session:
        session.list("basket").append("tea", "milk")
        session.longstring("letter").append("x" * 3000)
    text = ss("show", "cart", "--owner", "alice").out
    assert "basket" in text
    assert "3,000 B" in text
    told = ss("show", "cart", "--owner", "alice", "--json").json["attributes"]
    assert [(one["name"], one["type"], one["bytes"]) for one in told] == [
        ("n", "int", 1), ("basket", "list", 9), ("letter", "longstring", 3000),
    ]  # fmt: skip


def test_end_ends_one_session_or_all_of_an_owner(ss: Command, store: SessionStore) -> None:
    for number in range(3):
        store.create(f"s{number}", owner="bob", open=False)
    assert ss("end", "s0", "--owner", "bob").out == "ended\n"
    assert ss("end", "--owner", "bob", "--keep", "s1", "--reason", "moved house").out == (
        "ended 1 session\n"
    )
    assert [info.id for info in store.list()] == ["s1"]
    with store.open("s1", owner="bob"):
        assert "its holder closes it" in ss("end", "s1", "--owner", "bob").out
    assert store.count() == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("show", "nobody"), "not found"),
        (("end", "nobody"), "not found"),
        (("end",), "--owner"),
        (("end", "x", "--keep", "y"), "--keep"),
        (("end", "--owner", "x", "--wait", "3"), "--wait"),
        (("end", "x", "--wait", "soon"), "duration"),
        (("ls", "--owner", "{}"), "brace"),
        (("params", "timeout"), "NAME=VALUE"),
        (("params", "speed=9"), "no parameter"),
        (("params", "timeout=soon"), "duration"),
        (("params", "max_per_owner=5", "max_per_owner=6"), "twice"),
        (("params", "timeout=5", "lease=9", "timeout=5"), "twice"),
        (("params", "timeout=none"), "must not be None"),
        (("params", "max_waiters=many"), "whole number"),
        (("params", "max_waiters=-1"), "whole number"),
        (("params", "at_limit=cry"), "refuse"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_status_2(
    ss: Command, words: tuple[str, ...], text: str
) -> None:
    said = ss(*words)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("sessionstore: ")
    assert text in said.err
    assert said.err.count("\n") == 1


def test_params_reads_and_sets(ss: Command, store: SessionStore) -> None:
    assert ss("params", "--json").json["timeout"] == 900
    said = ss("params", "timeout=15m", "max_timeout=1h", "max_per_owner=3", "at_limit=evict")
    assert "1h" in said.out
    assert store.parameters() == Parameters(
        max_timeout=timedelta(hours=1), max_per_owner=3, at_limit="evict"
    )
    assert ss("params", "max_per_owner=none", "--json").json["max_per_owner"] is None


def test_sweep_ends_what_is_due(ss: Command, store: SessionStore) -> None:
    store.create(timeout=0, open=False)
    assert ss("sweep").out == "ended 1 session\n"
    assert ss("sweep").out == "ended 0 sessions\n"


def test_another_number_of_buckets_is_said_with_the_right_one(ss: Command) -> None:
    said = ss("ls", "--buckets", "16")
    assert said.status == 2
    assert "256" in said.err


def test_the_url_comes_from_the_environment_if_not_given(
    cli: Command, url: str, prefix: str, store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("here", open=False)
    monkeypatch.setenv("SESSIONSTORE_URL", url)
    assert [row["id"] for row in cli("ls", "--json", "--prefix", prefix).json] == ["here"]


def test_up_runs_a_server_until_it_is_told_to_stop(
    process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    for number, status in ((signal.SIGINT, 0), (signal.SIGTERM, 143)):
        child = process("up", "--dir", str(tmp_path / "d"))
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        with SessionStore.connect(url) as store:
            if number == signal.SIGINT:
                store.create("kept", open=False)
            assert store.read("kept").id == "kept"
        child.send_signal(number)
        _, err = child.communicate(timeout=20)
        assert child.returncode == status
        assert "Traceback" not in err
        assert not EmbeddedServer(tmp_path / "d").running


def test_up_leaves_a_server_that_was_running(
    process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    with EmbeddedServer(tmp_path / "d") as server:
        child = process("up", "--dir", str(tmp_path / "d"))
        assert child.stdout is not None
        assert child.stdout.readline().strip() == server.url
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=20)
        assert server.running


def test_without_its_libraries_the_command_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('no', name='typer')")
    said = subprocess.run(
        (sys.executable, "-m", "sessionstore", "ls"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert 'pip install "sessionstore[cli]"' in said.stderr


def test_durations_are_read_and_written_as_people_say_them() -> None:
    assert duration("900") == duration("15m") == timedelta(minutes=15)
    assert duration("250ms") == duration("0.25") == timedelta(seconds=0.25)
    assert [short(duration(text)) for text in ("0", "90s", "2d", "36h", "250ms")] == [
        *("0s", "1m 30s", "2d", "1d 12h", "250ms")
    ]
    for text in ("", "-1", "1 week", "nan", "1e3", "9" * 30):
        with pytest.raises(ConfigError):
            duration(text)
    assert [size(count) for count in (1, 9_999, 20_480, 30 << 20)] == [
        *("1 B", "9,999 B", "20 KiB", "30 MiB")
    ]
