"""Results as a table for people and as JSON for programs, with the machine they were made on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import redis

from benchmarks.measuring import Aim, Result
from sessionstore.embedded import EmbeddedServer

__all__ = ["as_json", "environment", "show", "summary"]

PACKAGES = ("redis", "hiredis", "msgpack", "flask-session", "starsessions")


def environment() -> dict[str, str]:
    """Return what the figures depend on."""
    with EmbeddedServer() as server, redis.Redis.from_url(server.url) as client:
        info: Any = client.info("server")
    version = info.get("valkey_version", info["redis_version"])
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": f"{os.cpu_count()} x {_cpu()}",
        "load": f"{os.getloadavg()[0]:.1f} at the start",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "server": f"{info.get('server_name', 'redis')} {version}, AOF everysec, unix socket",
        **{name: _version(name) for name in PACKAGES},
    }


def show(result: Result) -> None:
    """Print a result."""
    print(f"\n{result.title}")
    for name, figure in result.figures.items():
        print(f"  {name:<42}{_number(figure):>12} {result.unit}")
    for name, value in result.details.items():
        print(f"  {name:<42}{value!s:>12}")
    for aim in result.aims:
        print(f"  {'=> ' + told(aim):<66} {aim_of(aim):<16} {verdict(aim)}")


def summary(results: Mapping[str, Sequence[Result]]) -> str:
    """Return what is judged as a table in Markdown, which reads well as it is."""
    rows = [("measure", "figure", "middle half of the rounds", "aim", "")]
    rows += [
        (result.title, told(aim), _between(aim), aim_of(aim), verdict(aim))
        for found in results.values()
        for result in found
        for aim in result.aims
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, _line(["-" * width for width in widths], widths))
    return "\n".join(lines)


def as_json(
    machine: Mapping[str, str], quick: bool, results: Mapping[str, Sequence[Result]]
) -> dict[str, object]:
    """Return what a program may want to read."""
    return {
        "machine": dict(machine),
        "quick": quick,
        "results": {
            name: [
                asdict(result)
                | {"aims": [asdict(aim) | {"reached": aim.reached} for aim in result.aims]}
                for result in found
            ]
            for name, found in results.items()
        },
    }


def told(aim: Aim) -> str:
    """Return a judged figure with what it is of."""
    return f"{_number(aim.figure)} {aim.of}"


def aim_of(aim: Aim) -> str:
    """Return what must be reached."""
    return f"at {'least' if aim.above else 'most'} {_number(aim.bound)}"


def verdict(aim: Aim) -> str:
    """Return whether it is."""
    return "reached" if aim.reached else "MISSED"


def _between(aim: Aim) -> str:
    return "" if aim.between is None else " to ".join(_number(end) for end in aim.between)


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:,.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
