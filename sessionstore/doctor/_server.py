"""What must hold of a server, and of the servers of a cluster together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sessionstore.doctor._finding import Finding, Verdict, unchecked

__all__ = ["check_node", "check_together"]

GOOD, ADVICE, CHANGE = Verdict.GOOD, Verdict.ADVICE, Verdict.CHANGE

Told = Mapping[str, Any]
Version = tuple[int, ...]

VALKEY_FLOOR: dict[Version, Version] = {
    (7, 2): (7, 2, 12),
    (8, 0): (8, 0, 7),
    (8, 1): (8, 1, 6),
    (9, 0): (9, 0, 3),
}
"""From which version on the known holes of the script engine are closed (CVE-2025-49844 and
CVE-2025-67733), by release."""

REDIS_HOLE = ((7, 2, 0), (8, 6, 2))
"""First and last Redis with CVE-2026-23479."""

CLOCKS_APART_MS = 100


def check_node(
    name: str, told: Told | None, settings: Told | None, refusal: str = ""
) -> Iterator[Finding]:
    """Look at what INFO and CONFIG tell of one server (None: denied), and why it takes no changes.

    `refusal` is empty if it does.
    """
    if told:
        yield _version(name, told)
    else:
        yield unchecked("version", "the server denies INFO", name)
    if refusal:
        advice = (
            "see the server's log, and free space on its disk: as soon as it can write, it takes"
            " changes again by itself; until then sessions can only be read"
        )
        yield Finding("persistence", CHANGE, refusal, advice, name)
    else:
        yield _persistence(name, told or {}, settings or {})
    yield _eviction(name, told or {}, settings or {})
    yield _listpack(name, settings or {})
    if told and (found := _replicas(name, told, settings or {})):
        yield found


def _version(name: str, told: Told) -> Finding:
    valkey = "valkey_version" in told
    text = str(told["valkey_version"] if valkey else told.get("redis_version", "0"))
    version = tuple(map(int, re.findall(r"\d+", text)[:3]))
    known = f"{'Valkey' if valkey else 'Redis'} {text}"
    if version < ((7, 2) if valkey else (7, 0)):
        advice = "use Redis 7.0 or Valkey 7.2 at least: the scripts need it"
        return Finding("version", CHANGE, known, advice, name)
    if valkey and version < VALKEY_FLOOR.get(version[:2], version):
        floor = ".".join(map(str, VALKEY_FLOOR[version[:2]]))
        advice = f"update to {floor}: holes in its script engine are known (CVE-2025-67733)"
        return Finding("version", ADVICE, known, advice, name)
    if not valkey and REDIS_HOLE[0] <= version <= REDIS_HOLE[1]:
        advice = "update to 8.6.3 or later: a hole is known (CVE-2026-23479)"
        return Finding("version", ADVICE, known, advice, name)
    if not valkey and version < REDIS_HOLE[0]:
        advice = (
            "only a distribution's build has the holes of its script engine closed (Debian:"
            " 7.0.15-1~deb12u7); make sure that it is one (CVE-2025-49844, CVE-2025-67733)"
        )
        return Finding("version", ADVICE, known, advice, name)
    return Finding("version", GOOD, known, "", name)


def _persistence(name: str, told: Told, settings: Told) -> Finding:
    on = settings.get("appendonly") or {0: "no", 1: "yes"}.get(told.get("aof_enabled", -1))
    if on is None:
        return unchecked("persistence", "the server denies INFO and CONFIG", name)
    if on != "yes":
        advice = "set appendonly yes: without it a restart of the server loses sessions"
        return Finding("persistence", CHANGE, "the append-only file is off", advice, name)
    if told.get("aof_last_write_status", "ok") != "ok":
        advice = "see the server's log: it cannot write what it acknowledges; is the disk full?"
        return Finding("persistence", CHANGE, "the last write failed", advice, name)
    fsync = settings.get("appendfsync", "unknown")
    if fsync == "no":
        advice = "set appendfsync everysec: a power cut may now lose half a minute"
        return Finding("persistence", ADVICE, "append-only file, fsync no", advice, name)
    return Finding("persistence", GOOD, f"append-only file, fsync {fsync}", "", name)


def _eviction(name: str, told: Told, settings: Told) -> Finding:
    policy = settings.get("maxmemory-policy") or told.get("maxmemory_policy")
    if policy is None:
        return unchecked("eviction", "the server denies INFO and CONFIG", name)
    if policy != "noeviction":
        advice = (
            "set maxmemory-policy noeviction: a full server must refuse new sessions, not drop"
            " open ones without a word"
        )
        return Finding("eviction", CHANGE, str(policy), advice, name)
    limit, used = int(told.get("maxmemory", 0)), int(told.get("used_memory", 0))
    if limit and used > 0.8 * limit:
        advice = "raise maxmemory or end sessions: a full server takes no new ones"
        return Finding("eviction", ADVICE, f"noeviction, {used / limit:.0%} full", advice, name)
    if told and not limit:
        return Finding("eviction", GOOD, "noeviction, no maxmemory", "", name)
    return Finding(
        "eviction",
        GOOD,
        f"noeviction, {used / limit:.0%} full" if limit else "noeviction",
        "",
        name,
    )


def _listpack(name: str, settings: Told) -> Finding:
    try:
        entries = int(settings["hash-max-listpack-entries"])
        value = int(settings["hash-max-listpack-value"])
    except KeyError:
        return unchecked("listpack", "the server denies CONFIG", name)
    found = f"hashes up to {entries} fields of {value} bytes are compact"
    if entries < 128 or value < 64:
        advice = (
            "set hash-max-listpack-entries 512 and hash-max-listpack-value 64 or more: sessions"
            " beyond these limits take twice the memory"
        )
        return Finding("listpack", ADVICE, found, advice, name)
    return Finding("listpack", GOOD, found, "", name)


def _replicas(name: str, told: Told, settings: Told) -> Finding | None:
    count = int(told.get("connected_slaves", 0))
    if told.get("role", "master") != "master":
        advice = "connect to the primary, or by way of Sentinel: a replica takes no writes"
        return Finding("replicas", CHANGE, "this is a replica", advice, name)
    if not count:
        if told.get("cluster_enabled") in (1, "1"):
            advice = "give every primary a replica: when it fails, its sessions are out of reach"
            return Finding("replicas", ADVICE, "none", advice, name)
        return None
    needed = settings.get("min-replicas-to-write", settings.get("min-slaves-to-write"))
    if needed is None:
        return unchecked("replicas", f"{count}; the server denies CONFIG", name)
    if str(needed) == "0":
        advice = (
            "set min-replicas-to-write 1: a primary that is cut off goes on granting sessions that"
            " are granted a second time after the failover"
        )
        return Finding("replicas", ADVICE, f"{count}, none needed to write", advice, name)
    return Finding("replicas", GOOD, f"{count}, {needed} needed to write", "", name)


def check_together(
    clusters: Mapping[str, Told], settings: Mapping[str, Told], times: Mapping[str, Any]
) -> Iterator[Finding]:
    """Look at what the servers of a cluster must have in common."""
    if not clusters:
        return
    states = {str(told.get("cluster_state")) for told in clusters.values()}
    covered = min(int(told.get("cluster_slots_ok", 0)) for told in clusters.values())
    found = f"{len(clusters)} primaries, {covered} of 16384 slots served"
    if states != {"ok"} or covered < 16384:
        advice = "repair the cluster (CLUSTER INFO): sessions in the other slots are out of reach"
        yield Finding("cluster", CHANGE, found, advice)
    elif any(told.get("cluster-require-full-coverage") == "yes" for told in settings.values()):
        advice = (
            "set cluster-require-full-coverage no: as it is, one shard that is down stops the"
            " sessions of all others too"
        )
        yield Finding("cluster", ADVICE, found, advice)
    else:
        yield Finding("cluster", GOOD, found)
    moments = [int(seconds) * 1000 + int(micros) // 1000 for seconds, micros in times.values()]
    apart = max(moments, default=0) - min(moments, default=0)
    if apart > CLOCKS_APART_MS:
        advice = "keep the clocks of the servers together (NTP): deadlines and fences rest on them"
        yield Finding("clocks", ADVICE, f"up to {apart} ms apart", advice)
    elif moments:
        yield Finding("clocks", GOOD, f"at most {apart} ms apart")
