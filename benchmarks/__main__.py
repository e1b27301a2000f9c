"""`python -m benchmarks [CASE ...] [--quick] [--json FILE] [--plots DIRECTORY]`.

Run cases, print what they found. A missed aim is shown as missed and does not fail the run:
figures of a shared machine are no test.
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pathlib import Path

from benchmarks import report
from benchmarks.measuring import Result

CASES = (
    "sync_cycle",
    "async_cycle",
    "server_cpu",
    "hand_over",
    "memory",
    "scale",
    "data",
    "jobs",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; or all")
    parser.add_argument("--quick", action="store_true", help="less of everything, wider error")
    parser.add_argument("--json", type=Path, help="also write the results there")
    parser.add_argument("--plots", type=Path, help="also write plots there, as SVG")
    given = parser.parse_args()
    if unknown := set(given.cases) - set(CASES):
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")

    machine = report.environment()
    print(*(f"{name}: {value}" for name, value in machine.items()), sep="\n")
    results: dict[str, list[Result]] = {}
    for name in given.cases or CASES:
        results[name] = []
        for result in import_module(f"benchmarks.cases.{name}").run(given.quick):
            report.show(result)
            results[name].append(result)
    print("", report.summary(results), sep="\n")
    told = report.as_json(machine, given.quick, results)
    if given.json:
        given.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    if given.plots:
        import_module("benchmarks.plots").draw(told, given.plots)


if __name__ == "__main__":
    main()
