"""Primaries are killed and brought back, again and again: calls go on, and fences rise.

Updates that were acknowledged may be lost here, as replication is asynchronous; how many is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak.load import NOTHING, Load, Outcome, folder
from tests.soak.lost_tail import KINDS, deployed
from tests.soak.table import Row
from tests.support.servers import NOT_YET, Cluster, Sentinels
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Standalone

__all__ = ["run_cluster", "run_safe", "run_sentinel", "run_tail"]

ROUNDS = 4
KILLS = 3
"""In a round: after it all processes begin anew, for none lives for ever."""

BACK_WITHIN = 20.0
OWNER, PREFIX = "ann", "tail"
"""All sessions of one owner are on one node."""

MAY_FAIL = {"StoreUnavailable", "TimedOut", "SessionInUse"}


def run_cluster(scale: float = 1.0) -> Row:
    with folder() as directory, Cluster(directory / "cluster") as cluster:

        def serving(load: Load) -> Standalone:
            with load.connect() as store:
                key = store._calls.keys.named(load.ids[0], "").session
            witness = next(node for node in cluster.nodes if node.running)
            return cluster.primary_of(int(witness.ask("CLUSTER", "KEYSLOT", key)))

        done, kills = NOTHING, 0
        for _ in range(max(1, round(ROUNDS * scale))):
            with _load(cluster.url, directory) as load:
                for left in reversed(range(max(1, round(KILLS * min(1.0, scale))))):
                    load.goes_on(20, within=BACK_WITHIN)
                    dead = serving(load)
                    cluster.kill(dead)
                    load.goes_on(20, within=BACK_WITHIN)
                    kills += 1
                    if left or scale >= 1:
                        dead.start()
                        cluster.wait_ready()
            done += _outcome(load)
    return _row("failover_cluster", load, f"{kills} primaries killed in turn", done)


def run_sentinel(scale: float = 1.0) -> Row:
    with folder() as directory, Sentinels(directory / "sentinels") as sentinels:
        done, kills = NOTHING, 0
        for _ in range(max(1, round(ROUNDS * scale))):
            with _load(sentinels.url, directory) as load:
                for left in reversed(range(max(1, round(KILLS * min(1.0, scale))))):
                    load.goes_on(20, within=BACK_WITHIN)
                    dead = sentinels.primary
                    dead.kill9()
                    load.goes_on(20, within=BACK_WITHIN)
                    kills += 1
                    if left or scale >= 1:
                        dead.start()
                        # The sentinels make a replica of it, which takes them some seconds.
                        wait_until(
                            lambda server=dead: _follows(server),  # type: ignore[misc]
                            "it follows the new primary",
                            timeout=30,
                            ignore=NOT_YET,
                        )
                        sentinels.wait_ready()
            done += _outcome(load)
    return _row("failover_sentinel", load, f"{kills} primaries killed in turn", done)


def run_tail(scale: float = 1.0) -> Row:
    """The replica hears nothing more before it takes over: what was acknowledged since is lost."""
    done = NOTHING
    rounds = max(1, round(ROUNDS * scale))
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        with folder() as directory, deployed(kind, directory, OWNER, PREFIX) as pair:
            with _load(pair.url, directory, OWNER, PREFIX) as load:
                load.goes_on(20)
                pair.cut()
                load.goes_on(20)
                pair.fail_over()
                load.goes_on(20, within=BACK_WITHIN)
            outcome = _outcome(load)
        assert outcome.lost > 0, "nothing was forgotten, so nothing was proved"
        done += outcome
    return _row("failover_tail", load, f"{rounds} primaries killed, replica cut off before", done)


def run_safe(scale: float = 1.0) -> Row:
    """The same in safe mode: what no replica confirmed is not acknowledged, so nothing is lost."""
    done = NOTHING
    rounds = max(1, round(ROUNDS * scale))
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        with folder() as directory, deployed(kind, directory, OWNER, PREFIX) as pair:
            with _load(pair.url, directory, OWNER, PREFIX, safe=True) as load:
                load.goes_on(20)
                pair.cut()
                load.is_refused(6)
            pair.fail_over()
            outcome = load.outcome()
        assert set(outcome.failed) <= MAY_FAIL, outcome.failed
        unsure = outcome.unknown + outcome.failed["StoreUnavailable"]  # closes, and opens
        assert unsure > 0, "nothing was unknown, so nothing was proved"
        done += outcome
    return _row("failover_safe", load, f"{rounds} primaries killed, replica cut off before", done)


def _load(
    url: str, directory: Path, owner: str = "", prefix: str = "", *, safe: bool = False
) -> Load:
    return Load(
        url,
        directory,
        processes=2,
        sessions=4,
        lease=1.0,
        wait=3,
        owner=owner,
        prefix=prefix,
        safe=safe,
    )


def _follows(server: Standalone) -> bool:
    state = server.info("replication")
    return state["role"] == "slave" and state["master_link_status"] == "up"


def _outcome(load: Load) -> Outcome:
    outcome = load.outcome(may_lose=True)
    assert set(outcome.failed) <= MAY_FAIL, outcome.failed
    return outcome


def _row(part: str, load: Load, faults: str, done: Outcome) -> Row:
    numbers = (done.acknowledged, done.unknown, done.lost, done.stall)
    return Row(part, load.title, faults, *numbers)
