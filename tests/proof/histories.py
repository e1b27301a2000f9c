"""Is a history of calls what one session, used by one after the other, could have shown?

A small search after Wing, Gong and Lowe: calls of many processes overlap, and it looks for an
order of them in which each call has an instant between its invocation and its response, and in
which a register with a lock answers as was observed. A call whose outcome is unknown (its process
was killed) may have had its effect at any time after its invocation, or never.

    open      answered (fence, value): nobody held it, the value is what was last written
    write V   answered True: written by the holder; False: it was told that it holds it no more
    close V   the same, and given back; without V nothing is written
    read      answered a value: what was last written
    lapse F   the lease of the opening with fence F (None: any) ends; no process calls this

A history is that of one session, of up to 1,000 calls; with 8 processes the search is short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["UNKNOWN", "Call", "Undecided", "linearizable"]

UNKNOWN = object()
"""The answer of a call that nobody has heard of again."""

NEVER = 1 << 63
STATES = 300_000


class Undecided(Exception):
    """The search was given up: too many orders are possible."""


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """One call of a process, from its invocation to its response, in nanoseconds of one clock."""

    process: int
    kind: str
    argument: Any
    answer: Any
    begun: int
    done: int = NEVER


class State(NamedTuple):
    """What the session is between two calls: its holder (or None), the last fence and value."""

    holder: int | None
    fence: int
    value: Any


def step(state: State, call: Call) -> State | None:
    """Return the state after a call that answers as it did; None: it cannot answer so now."""
    holder, fence, value = state
    unknown = call.answer is UNKNOWN
    mine = holder == call.process
    if call.kind == "open":
        if holder is not None:
            return None
        if unknown:
            return State(call.process, fence, value)
        if call.answer[0] <= fence or call.answer[1] != value:
            return None
        return State(call.process, call.answer[0], value)
    if call.kind == "read":
        return state if unknown or call.answer == value else None
    if call.kind == "lapse":
        return State(None, fence, value) if mine and call.argument in (None, fence) else None
    if call.answer is False:  # refused, as it must be if it is not the holder
        return state if not mine else None
    if not mine:
        return None
    if call.argument is not None:
        value = call.argument
    return State(holder if call.kind == "write" else None, fence, value)


def linearizable(calls: list[Call], value: Any = None) -> bool:
    """Whether a history that begins with a session that nobody holds has an order that explains it.

    Each process makes one call after the other. What a killed process left open, or a process was
    told that it lost, is given back by a `lapse`.
    """
    calls = sorted(calls, key=lambda call: call.begun)
    must = sum(1 << at for at, call in enumerate(calls) if call.done != NEVER)
    todo: list[tuple[int, int, State]] = [(0, 0, State(None, 0, value))]
    seen: set[tuple[int, State]] = set()
    while todo:
        done, first, state = todo.pop()
        if done & must == must:
            return True
        while done >> first & 1:
            first += 1
        # Only calls that began before the first response among those left may come next.
        latest, at = NEVER, first
        nexts: list[tuple[int, int, State]] = []
        while at < len(calls) and calls[at].begun < latest:
            if not done >> at & 1:
                latest = min(latest, calls[at].done)
                after = step(state, calls[at])
                if after is not None and (done | 1 << at, after) not in seen:
                    nexts.append((done | 1 << at, first, after))
            at += 1
        # The one that answered first is the likeliest next: depth first, it is on top of the stack.
        nexts.sort(key=lambda entry: -calls[(entry[0] ^ done).bit_length() - 1].done)
        for entry in nexts:
            seen.add((entry[0], entry[2]))
        if len(seen) > STATES:
            raise Undecided(f"{len(calls)} calls")
        todo += nexts
    return False
