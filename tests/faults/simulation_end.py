"""How a simulation ends: all leases end, and the claims of the actors are compared with the store.

What is asked of many sessions is asked of all at once, in the round trips that one would take.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sessionstore import QuotaExceeded
from sessionstore._core import parameters, scripts, sessions
from sessionstore._core.operation import Operation
from sessionstore._core.records import Held, Moving
from sessionstore._core.sessions import ANY
from sessionstore._shell.opened import OpenSession
from sessionstore.lists import _ListFlows
from tests.faults.simulation_actors import LISTED, REFUSED, Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from sessionstore import SessionStore
    from sessionstore._core.keys import Home
    from tests.faults.simulation_actors import Claims, Scene

    Flow = Generator[Any, Any, Any]

__all__ = [
    "GROWN_OLD",
    "SIZE",
    "agreed",
    "at_once",
    "ended",
    "hushes",
    "lapses",
    "settled",
]

ROUNDS = 50
REFUSALS = (*REFUSED, Moving)

DUE = scripts._script(
    "due",
    """#!lua
for _, index in ipairs(KEYS) do redis.call('ZADD', index, 'XX', 0, ARGV[1]) end
return 1""",
)
"""The time of a session has come earlier than its index knows; it is due to be looked at."""

IN_LINE = scripts._script(
    "in_line",
    """#!lua flags=no-writes
local time, living = redis.call('TIME'), 0
local now = string.format('%013d', time[1] * 1000 + math.floor(time[2] / 1000))
for _, line in ipairs(KEYS) do
  for _, place in ipairs(redis.call('LRANGE', line, 0, -1)) do
    if string.sub(place, 1, 13) > now then living = living + 1 end
  end
end
return living""",
)
"""How many in some lines are believed to live."""

HUSH = scripts._script(
    "hush",
    """#!lua
local places = redis.call('LRANGE', KEYS[1], 0, -1)
for at, place in ipairs(places) do
  local long_ago = string.format('%013d', tonumber(string.sub(place, 1, 13)) - 2000)
  redis.call('LSET', KEYS[1], at - 1, long_ago .. string.sub(place, 14))
end
return #places""",
)
"""Two seconds go by for those in a line in which they give no sign of life."""

GROWN_OLD = scripts._script(
    "grown_old",
    """#!lua
for _, seat in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('ZADD', KEYS[1], 0, seat)
end
return 1""",
)
"""Half a minute goes by for the seats that were taken: they may be looked at."""

SIZE = scripts._script("size", "#!lua flags=no-writes\nreturn redis.call('ZCARD', KEYS[1])")
"""How many seats of a pool are taken."""


def at_once(answer: Callable[[Any], Any], flows: Sequence[Flow]) -> list[Any]:
    """Run flows side by side, a round trip for a step of each; return answers, or refusals."""
    results: list[Any] = [None] * len(flows)
    going: list[tuple[int, Any]] = []

    def goes_on(at: int, reply: Any) -> None:
        try:
            going.append((at, flows[at].send(reply)))
        except StopIteration as stop:
            results[at] = stop.value
        except REFUSALS as error:
            results[at] = error

    for at in range(len(flows)):
        goes_on(at, None)
    while going:
        steps, going = going, []
        sent = [one for _, step in steps for one in _operations(step)]
        replies = iter(answer(sent) if len(sent) != 1 else [answer(sent[0])])
        for at, step in steps:
            answers = [next(replies) for _ in _operations(step)]
            goes_on(at, answers[0] if isinstance(step, Operation) else answers)
    return results


def _operations(step: Any) -> list[Operation[Any]]:
    return [step] if isinstance(step, Operation) else step


def lapses(home: Home) -> Flow:
    """Let the lease of a session end, if it has one; True if it had."""
    found = yield from sessions.read(home, ANY, ())
    if not found.holder:
        return False
    indexes = (home.bucket.index, home.bucket.owned(found.facts.owner))
    yield [
        sessions.renew([Held(home, found.facts.fence, -1, -1)]),  # it ended 1 ms ago
        Operation(DUE, indexes, (home.sid,), int),
    ]
    return True


def hushes(home: Home) -> Flow:
    """Let those in line for a session be taken for dead; the answer is how many they are."""
    return (yield from Operation(HUSH, (home.waiters,), (), int))


def settled(store: SessionStore, scene: Scene) -> dict[str, Mapping[str, Any]]:
    """Let all leases end, see that every session can be had at once, and return what is in each."""
    calls, answer = store._calls, store._driver._answer

    def visits(id: str, owner: str) -> Flow:
        opening = calls.open(id, owner, wait=0, mode="exclusive")
        session = OpenSession(calls, (yield from opening.flow), opening.how)
        listed = []
        if session.kept("list"):
            listed = yield from _ListFlows(session._beside(), LISTED)._paging(0, 1000)
        yield from session._closing(None, None, None)
        return {**session, "marks": [*session["marks"], *session["atoms"][1:], *listed]}

    def turns(id: str, owner: str) -> Flow:
        with suppress(*REFUSALS):  # it is not here
            yield from lapses(calls.keys.named(id, owner))
        yield from visits(id, owner)

    names = [(id, owner) for owner in sorted(set(scene.owners)) for id in scene.ids]
    lines = tuple(calls.keys.named(id, owner).waiters for id, owner in names)
    for number in range(ROUNDS):  # those in line may be dead: who is believed misses its turn
        in_line, there = at_once(
            answer, [iter(Operation(IN_LINE, lines, (), int)), _listing(store)]
        )
        if number and not in_line and not any(info.holder for info in there):
            break
        # One that is over and has a line is not listed: whoever asks for it finds that out.
        known = names if number else [(info.id, info.owner) for info in there]
        at_once(answer, [turns(id, owner) for id, owner in known])
    else:
        raise Broken("somebody is in line still")
    store.sweep()
    found: dict[str, Mapping[str, Any]] = {}
    said = at_once(answer, [visits(info.id, info.owner) for info in there])
    for info, session in zip(there, said, strict=True):
        if isinstance(session, Exception):
            raise Broken(f"{info.sid} cannot be opened: {session}") from session
        if info.sid in found:
            raise Broken(f"{info.sid} is listed twice")
        found[info.sid] = session
    return found


def _listing(store: SessionStore) -> Flow:
    """Return all sessions."""
    calls = store._calls
    pager = calls.listing(None)
    found = []
    while rows := (yield from pager.page()):
        found += [calls.chosen(row, None, "*") for row in rows]
    return found


def ended(
    store: SessionStore, scene: Scene, claims: Claims, there: Mapping[str, Mapping[str, Any]]
) -> None:
    """Compare what is stored with what the actors were told, and fill the store to its limits."""
    seen: dict[str, str] = {}
    for sid, found in there.items():
        born, marks = found["born"], found["marks"]
        if born in seen:
            raise Broken(f"{born} is in two places: {seen[born]} and {sid}")
        seen[born] = sid
        if len(set(marks)) != len(marks):
            raise Broken(f"a mark is in {sid} twice: {marks}")
        if lost := claims.sure[born] - set(marks):
            raise Broken(f"acknowledged, and not in {sid}: {lost}")
        if landed := claims.refused[born] & set(marks):
            raise Broken(f"refused, and in {sid} all the same: {landed}")
    if scene.changing:
        raised = {"max_private": max(3, store.count()), "max_per_owner": None}
        _fill(store, {**raised, "at_limit": store.configure(**raised).at_limit})
    elif scene.limits:
        _fill(store, scene.limits)


def agreed(store: SessionStore) -> None:
    """See that everything has come to the parameters that are told to be in force."""
    limits, keys, driver = store.parameters(), store._calls.keys, store._driver
    decided = driver.do(parameters.read(keys))
    wanted = {**decided.for_buckets, "version": str(decided.version)}
    there = [driver.do(parameters.stored(bucket.parameters)) for bucket in keys.buckets]
    if any(found != wanted for found in there):
        raise Broken(f"buckets have {there}, decided is {wanted}")
    pool = driver.do(parameters.stored(keys.pool("private").limit))
    if pool.get("limit") != (None if limits.max_private is None else str(limits.max_private)):
        raise Broken(f"the limit of all is {pool}, and not {limits.max_private}")


def _fill(store: SessionStore, limits: dict[str, Any]) -> None:
    """See that the limits are kept, and that nothing that is gone takes up room."""
    if most := limits.get("max_private"):
        pool = store._calls.keys.pool("private")
        store._driver.do(Operation(GROWN_OLD, (pool.fresh,), (), int))
        _fill_up(store, limits, most, None, "carol")
    if most := limits.get("max_per_owner"):
        for owner in ("ann", "bob"):
            _fill_up(store, limits, most, owner, owner)


def _fill_up(
    store: SessionStore, limits: dict[str, Any], most: int, counted: str | None, owner: str
) -> None:
    """See that there is room for as many as may be, and for no more."""

    def creates(id: str) -> Flow:
        return store._calls.create(id, owner, data={}, opened=False)

    alive = store.count(counted)
    if alive > most:
        raise Broken(f"{alive} sessions of {counted or 'all'} are alive, {most} may be")
    more = [creates(f"more{number}") for number in range(most - alive)]
    for said in at_once(store._driver._answer, more):
        if isinstance(said, QuotaExceeded):
            raise Broken(f"refused with {alive} of {most} alive: {said}") from said
    (said,) = at_once(store._driver._answer, [creates("too many")])
    if isinstance(said, QuotaExceeded) == (limits.get("at_limit") == "evict"):
        raise Broken(f"one more than {most} is answered {said!r}")
    if (alive := store.count(counted)) != most:
        raise Broken(f"{alive} sessions of {counted or 'all'} are alive, {most} may be")
