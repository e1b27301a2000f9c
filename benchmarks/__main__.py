"""`python -m benchmarks [CASE ...] [--quick] [--json FILE]`: run cases, print a table.

A missed aim is shown as missed and does not fail the run: figures of a shared machine are no test.
"""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path

import redis

from benchmarks.measuring import Result
from sessionstore.embedded import EmbeddedServer

CASES = ("sync_cycle", "async_cycle", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], metavar="CASE")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, wider error")
    parser.add_argument("--json", type=Path, help="also write the results there")
    given = parser.parse_args()

    machine = environment()
    print(*(f"{name} {value}" for name, value in machine.items()), sep=", ")
    results: dict[str, Result] = {}
    for name in given.cases or CASES:
        results[name] = import_module(f"benchmarks.cases.{name}").run(given.quick)
        show(results[name])
    if given.json:
        told = {"machine": machine, **{name: asdict(result) for name, result in results.items()}}
        given.json.write_text(json.dumps(told, indent=2) + "\n")


def show(result: Result) -> None:
    print(f"\n{result.title}")
    for name, figure in result.figures.items():
        print(f"  {name:<32}{figure:>12,.0f} {result.unit}")
    verdict = "reached" if result.reached else "MISSED"
    print(f"  {'judged':<32}{result.judged:>12,.2f}   aim: {result.aim}: {verdict}")
    for name, value in result.details.items():
        print(f"  {name:<32}{value!s:>12}")


def environment() -> dict[str, str]:
    """Return what the figures depend on."""
    with EmbeddedServer() as server, redis.Redis.from_url(server.url) as client:
        info = client.info("server")
    version = info.get("valkey_version", info["redis_version"])
    return {
        "server": f"{info.get('server_name', 'redis')} {version}",
        "redis-py": metadata.version("redis"),
        "hiredis": metadata.version("hiredis"),
        "Python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
    }


if __name__ == "__main__":
    main()
