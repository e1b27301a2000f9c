"""Work until told to stop: python -m workers --help."""

import argparse
import asyncio
import logging
import os
import sys

from sessionstore import SessionStoreError
from workers.lic import parsed
from workers.pool import work

COULD_NOT = 2


def words(text: str) -> list[str]:
    """Return the words of a text, with commas or blanks between them."""
    return text.replace(",", " ").split()


def arguments() -> argparse.Namespace:
    """Return what the command line asks for, or the variables beside the options."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=work.__doc__)
    env = os.environ.get
    parser.add_argument(
        "--url",
        default=env("SESSIONSTORE_URL", "embedded://"),
        help="the store; better in the variable SESSIONSTORE_URL, if it has a password",
    )
    parser.add_argument("--prefix", default="ss", help="what all keys begin with")
    parser.add_argument(
        "--buckets", type=int, default=256, help="over how many the store is spread"
    )
    parser.add_argument(
        "--queues", type=words, default=["default"], help="from which it takes jobs, in turn"
    )
    parser.add_argument("--slots", type=int, default=10, help="how many jobs at a time")
    parser.add_argument(
        "--profile", default="default", help="how patient it is: default, interactive or batch"
    )
    parser.add_argument(
        "--administrators",
        type=words,
        default=env("WORKERS_ADMINISTRATORS", ""),
        help="users who may see and end all sessions (WORKERS_ADMINISTRATORS)",
    )
    parser.add_argument(
        "--licences",
        type=parsed,
        default=env("WORKERS_LICENCES", ""),
        help="modules and how many may use them, such as ASC=10,MWC (WORKERS_LICENCES)",
    )
    return parser.parse_args()


def main() -> int:
    """Run a worker; return the exit status."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    given = arguments()
    try:
        asyncio.run(
            work(
                given.url,
                prefix=given.prefix,
                buckets=given.buckets,
                queues=given.queues,
                slots=given.slots,
                profile=given.profile,
                administrators=frozenset(given.administrators),
                licences=given.licences,
            )
        )
    except SessionStoreError as error:
        print(f"workers: {error}", file=sys.stderr)
        return COULD_NOT
    return 0


if __name__ == "__main__":
    sys.exit(main())
