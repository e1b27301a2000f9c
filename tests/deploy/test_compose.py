"""The Dockerfile and docker-compose.yml name nothing that is not there.

There may be no container engine where the tests run, so what they name is looked up: each command
with its options, each port, variable, path, volume and service, and the settings of the server.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.house.sources import ROOT
from tests.support.servers import Standalone

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
STORE = "redis"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
KEYS = {
    *("build", "command", "depends_on", "deploy", "environment", "healthcheck", "image", "ports"),
    *("restart", "stop_grace_period", "volumes"),
}


def steps(instruction: str) -> list[list[str]]:
    """The words of each line of the Dockerfile that begins with an instruction."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in joined.splitlines() if line.startswith(instruction)]


def words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else command


def help_of(module: str) -> str:
    ran = subprocess.run(
        (sys.executable, "-m", module, "--help"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ran.stdout


def test_there_are_a_store_two_app_servers_and_workers() -> None:
    assert set(SERVICES) == {STORE, "app-1", "app-2", "workers"}
    assert SERVICES["app-1"]["command"] == SERVICES["app-2"]["command"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_only_what_is_known(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= KEYS
    assert ("image" in service) != ("build" in service)
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    for other, how in service.get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[other]
    for volume in service.get("volumes", []):
        assert volume.partition(":")[0] in COMPOSE["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_our_commands_are_modules_of_the_image_with_options_that_they_have(name: str) -> None:
    python, minus_m, module, *arguments = words(SERVICES[name]["command"])
    assert (python, minus_m) == ("python", "-m")
    folder, _, file = module.partition(".")
    assert (ROOT / folder / f"{file or '__main__'}.py").is_file()
    assert [folder, folder] in steps("COPY")
    if name == "workers":
        known = help_of(module)
        for option in arguments:
            assert not option.startswith("--") or option in known
    else:
        url, port = arguments
        assert url == f"redis://{STORE}:6379"
        published = [text.rpartition(":")[2] for text in SERVICES[name]["ports"]]
        assert published == [port]
        assert port in str(SERVICES[name]["healthcheck"]["test"])


def test_the_variables_are_those_that_the_workers_read() -> None:
    source = (ROOT / "workers" / "__main__.py").read_text(encoding="utf-8")
    given = SERVICES["workers"]["environment"]
    assert set(given) == set(re.findall(r'env\("(\w+)"', source))
    assert given["SESSIONSTORE_URL"] == f"redis://{STORE}:6379"


def test_the_variables_of_the_workers_mean_something(tmp_path: Any) -> None:
    """All but the URL are taken as they are there by a pool, which ends for another reason."""
    given = {**SERVICES["workers"]["environment"], "SESSIONSTORE_URL": "redis://127.0.0.1:1"}
    _, _, _, *arguments = words(SERVICES["workers"]["command"])
    ran = subprocess.run(
        (sys.executable, "-m", "workers", *arguments),
        cwd=ROOT,
        env={"PATH": "", **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert "cannot be reached" in ran.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only_and_each_once(name: str) -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_the_settings_of_the_server_are_those_that_a_store_wants(tmp_path: Any) -> None:
    """They are real settings: a server of the same kind takes each of them."""
    program, *arguments = words(SERVICES[STORE]["command"])
    assert program == "redis-server"
    pairs = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert all(name.startswith("--") for name in pairs)
    assert pairs["--maxmemory-policy"] == "noeviction"
    assert (pairs["--appendonly"], pairs["--appendfsync"]) == ("yes", "everysec")
    with Standalone(None, tmp_path / "server") as server:
        for name, value in pairs.items():
            assert server.ask("CONFIG", "SET", name.removeprefix("--"), value) == "OK"


def test_the_store_is_asked_whether_it_is_well() -> None:
    kind, command = SERVICES[STORE]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    assert "redis-cli ping" in command


@pytest.mark.parametrize("name", ["app-1", "app-2"])
def test_the_check_of_an_app_server_is_a_program(name: str) -> None:
    kind, python, minus_c, source = SERVICES[name]["healthcheck"]["test"]
    assert (kind, python, minus_c) == ("CMD", "python", "-c")
    compile(source, "healthcheck", "exec")


def test_images_are_named_without_a_registry() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    images += [words[0] for words in steps("FROM")]
    assert all(re.fullmatch(r"[a-z]+(/[a-z]+)?:[\w.-]+", image) for image in images)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    copied = [source for *sources, _ in steps("COPY") for source in sources]
    assert {"sessionstore", "workers", "examples", "pyproject.toml"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in IGNORED
    assert IGNORED[1] == "*"


def test_what_is_installed_is_an_extra_of_ours() -> None:
    (install,) = [line for line in steps("RUN") if line[0] == "pip"]
    extras = re.fullmatch(r"\.\[(\w+)\]", install[-1])
    assert extras is not None
    assert f"\n{extras[1]} = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_command_of_the_image_runs_the_workers() -> None:
    assert 'CMD ["python", "-m", "workers"]' in DOCKERFILE
    assert steps("USER") == [["app"]]
    assert ["useradd", "--system", "app"] in steps("RUN")


def test_the_python_of_the_image_is_one_that_we_are_for() -> None:
    ((image,),) = steps("FROM")
    version = re.search(r":(3\.\d+)", image)
    assert version is not None
    classifier = f"Programming Language :: Python :: {version[1]}"
    assert classifier in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
