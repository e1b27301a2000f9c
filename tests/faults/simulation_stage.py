"""Where simulations are played: a server of their own, whose stores are used again for each seed.

A store for each scene is made once, and its parameters stay; all other keys go after each run, when
each was seen to expire.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sessionstore import SessionStore
from sessionstore._core import scripts
from sessionstore._core.keys import PERMANENT
from sessionstore._core.operation import Operation
from tests.faults.simulation import Simulation
from tests.faults.simulation_actors import Broken, scene_of
from tests.support.servers import Standalone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

__all__ = ["Stage", "clear", "main"]

BUCKETS = 2
PART = 500
"""How many seeds a process plays on one server."""

CLEAR = scripts._script(
    "clear",
    """#!lua
local stays, kept = {}, {}
for _, key in ipairs(KEYS) do kept[key] = true end
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  if not kept[key] then
    if redis.call('PTTL', key) == -1 then stays[#stays + 1] = key end
    redis.call('UNLINK', key)
  end
end
return stays""",
)
"""Remove all keys of a store but some; the answer is which of them would have stayed for ever."""


class Stage:
    """A server, and a store in it for each scene."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        directory = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="ss-"))
        server = Standalone(None, Path(directory), unix=True, appendonly=False)
        self._server = self._stack.enter_context(server)
        self._stores: dict[int, SessionStore] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def play(self, seed: int) -> Simulation:
        """Play a seed; Broken says what was not true, and the seed."""
        scene = scene_of(seed)
        store = self._stores.get(scene.number)
        if store is None:
            store = self._stores[scene.number] = self._stack.enter_context(
                SessionStore.connect(
                    self._server.url, prefix=f"scene{scene.number}", buckets=BUCKETS
                )
            )
            if scene.limits:
                store.configure(**scene.limits)
        elif scene.changing:
            store.configure(**{"max_per_owner": None, "at_limit": "refuse", **scene.limits})
        simulation = Simulation(store, seed)
        try:
            simulation.run()
        finally:
            stays = clear(store)
        if stays:
            raise Broken(f"seed {seed}: never expire: {stays}")
        return simulation

    def play_all(self, seeds: Iterable[int]) -> None:
        """Play seeds until one is Broken."""
        for seed in seeds:
            self.play(seed)


def clear(store: SessionStore) -> list[str]:
    """Remove all keys of a store but its parameters; return those that would have stayed."""
    keys = store._calls.keys
    kept = (
        keys.store,
        *(bucket.parameters for bucket in keys.buckets),
        *(pool.limit for pool in keys.pools()),
    )
    found: list[bytes] = store._driver._answer(
        Operation(CLEAR, kept, (f"{{{keys.prefix}:*",), list)
    )
    return [name for key in found if not PERMANENT.fullmatch(name := key.decode())]


def played(seeds: range) -> list[str]:
    """Play seeds, and return what was broken."""
    broken = []
    with Stage() as stage:
        for seed in seeds:
            try:
                stage.play(seed)
            except Broken as error:
                broken.append(str(error))
            except Exception as error:  # noqa: BLE001 - the others are played all the same
                broken.append(f"seed {seed}: {error!r}")
    return broken


def main() -> None:
    """Play the seeds that the command line asks for, on all cores; end with 1 if one is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation")
    parser.add_argument("--seeds", default="0-10000", help="FIRST-END, the end is not played")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    first, _, end = asked.seeds.partition("-")
    seeds = range(int(first), int(end) if end else int(first) + 1)
    begun, done, broken = time.monotonic(), 0, 0
    with ProcessPoolExecutor(asked.jobs) as processes:
        parts = {
            processes.submit(played, part): part
            for at in range(0, len(seeds), PART)
            if (part := seeds[at : at + PART])
        }
        for future in as_completed(parts):
            for text in future.result():
                broken += 1
                print(f"\n{text}\n")
            done += len(parts[future])
            rate = done / (time.monotonic() - begun)
            told = f"{done} of {len(seeds)} seeds, {broken} broken, {rate:.0f}/s"
            print(f"\r{told}", end="", flush=True)
    print()
    sys.exit(broken > 0)
