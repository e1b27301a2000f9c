"""`python -m tests.soak [--scale 0.1] [PART ...]`: run parts of the soak, and print the table."""

from __future__ import annotations

import argparse

from tests.soak.parts import PARTS, missing
from tests.soak.table import rendered


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    options.add_argument("--scale", type=float, default=1.0, help="1 is what make soak does")
    options.add_argument("part", nargs="*", choices=[[], *PARTS], default=[])
    chosen = options.parse_args()
    rows = []
    for part in chosen.part or PARTS:
        if lack := missing(part):
            print(f"{part} skipped: {lack}")
            continue
        rows.append(PARTS[part](chosen.scale))
        print(rendered(rows[-1:]).splitlines()[-1], flush=True)
    print(rendered(rows))


if __name__ == "__main__":
    main()
