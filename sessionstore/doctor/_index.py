"""What must hold of a store: its buckets, their parameters, and its index against its data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sessionstore._core.inspection import (
    buckets_of,
    compare_parameters,
    inspect_pages,
    inspect_sessions,
)
from sessionstore._core.keys import Keyspace
from sessionstore._ids import shown
from sessionstore._redis.sync import Driver
from sessionstore.doctor._finding import Finding, Verdict

__all__ = ["check_buckets", "check_index", "check_parameters"]

PER_PRIMARY = 8
SCANS = 20
SCANNED = 500

MEANINGS = {
    "gone": "in the index without data",
    "unlisted": "missing in the index",
    "unowned": "missing in the index of their owners",
}


MISSING = "check the URL and the prefix; the first process that connects makes the store"


def check_buckets(
    driver: Driver, prefix: str, *, primaries: int
) -> tuple[Keyspace | None, Finding]:
    """Ask how many buckets the store has; return its keys too, None if there is no store."""
    count = driver.do(buckets_of(Keyspace(prefix, 256)))
    if count is None:
        found = f"there is none with the prefix {prefix!r}"
        return None, Finding("store", Verdict.CHANGE, found, MISSING)
    keys = Keyspace(prefix, count)
    if primaries > 1 and count < PER_PRIMARY * primaries:
        advice = (
            f"make a new store (another prefix) with {PER_PRIMARY * primaries} buckets or more:"
            f" {count} spread badly over {primaries} primaries, and the number is for life"
        )
        return keys, Finding("buckets", Verdict.ADVICE, str(count), advice)
    return keys, Finding("buckets", Verdict.GOOD, f"{count} under the prefix {prefix!r}")


def check_parameters(driver: Driver, keys: Keyspace) -> Finding:
    """Compare the parameters of every bucket, and the limits of all, with what was decided."""
    found = driver.run(compare_parameters(keys))
    told = [
        f"{len(names)} of {len(keys.buckets)} buckets {what} (such as {names[0]})"
        for names, what in (
            (found.behind, "have another version"),
            (found.mixed, "hold something else under the same version"),
        )
        if names
    ]
    told += [f"the limit max_{name} is not the one in force" for name in found.pools]
    if found.half_done:
        told.insert(0, "a change is half done")
    if found.mixed:
        advice = (
            "find out who else writes under this prefix; then set a parameter to another value and"
            " back (`sessionstore params`): every bucket gets all of them anew"
        )
        return Finding("parameters", Verdict.CHANGE, "; ".join(told), advice)
    if told:
        advice = (
            "run `sessionstore sweep`: it completes what somebody who was killed has begun, or a"
            " failover has forgotten; until then limits and timeouts differ between sessions"
        )
        return Finding("parameters", Verdict.CHANGE, "; ".join(told), advice)
    return Finding("parameters", Verdict.GOOD, "the same everywhere, and in force")


def check_index(driver: Driver, keys: Keyspace) -> Finding:
    """Compare a part of the index with the sessions, and a part of the sessions with the index."""
    by_index = driver.run(inspect_pages(keys))
    looked_at, faults = by_index.looked_at, list(by_index.faults)
    for sids in _sessions(driver, keys):
        found = driver.run(inspect_sessions(keys, sids))
        looked_at += found.looked_at
        faults += found.faults
    if faults:
        kinds = Counter(fault for _, fault in set(faults))
        told = ", ".join(f"{number} {MEANINGS[kind]}" for kind, number in kinds.most_common())
        advice = (
            f"find out who else writes under this prefix, or which keys were lost (such as"
            f" {shown(faults[0][0])}): limits and listings are wrong for them until they end"
        )
        return Finding("index", Verdict.CHANGE, told, advice)
    if by_index.due > max(100, by_index.looked_at // 4):
        advice = "run `sessionstore sweep` every minute or so: sessions that are over take memory"
        return Finding("index", Verdict.ADVICE, f"{by_index.due} sessions are over", advice)
    return Finding("index", Verdict.GOOD, f"{looked_at} entries compared, all in order")


def _sessions(driver: Driver, keys: Keyspace) -> Iterator[list[str]]:
    """Yield SIDs found by looking through the keys of each server, to a limit."""
    tags = {bucket.tag + "s:" for bucket in keys.buckets}
    pattern = f"{{{_literal(keys.prefix)}:*}}s:*"
    cursors = dict.fromkeys(driver.ask_each("TIME"), "0")
    for _ in range(SCANS):
        sids: list[str] = []
        for name, cursor in tuple(cursors.items()):
            scan = ("SCAN", cursor, "MATCH", pattern, "COUNT", SCANNED)
            after, found = driver.ask_each(*scan, only=name)[name]
            # In a cluster the client says which node the cursor is of.
            cursors[name] = str(int(after[name] if isinstance(after, dict) else after))
            if cursors[name] == "0":
                del cursors[name]
            for key in found:
                tag, _, sid = key.decode("utf-8", "replace").partition("}s:")
                if sid and f"{tag}}}s:" in tags:
                    sids.append(sid)
        if sids:
            yield sids
        if not cursors:
            return


def _literal(prefix: str) -> str:
    """Return a prefix so that SCAN takes its letters for nothing but themselves."""
    return "".join(f"\\{letter}" if letter in "*?[]^\\-" else letter for letter in prefix)
