"""The third driver: it interleaves many flows one step at a time, in an order that a seed decides.

Between any two steps a fault may come: an operation is carried out twice, with steps of others in
between (its first answer was lost); a client is gone for good; a lease ends; those in a line are
taken for dead, whether they are or only hang; half a minute goes by for those who have taken a
seat. The server is a real one. The claims of all actors are compared with what is stored:

- every opening has a fence of its own, and fences rise for one session;
- while one holds a session nobody else gets it or writes to it, and who lost it does neither;
- after each create there are no more sessions than the limits allow, of one owner and of all, also
  where clients change the limits;
- each mark that a save or close acknowledged is stored once, each that was refused is not stored;
- a session that moves is in one place, or in none if somebody has ended it;
- in the end nothing is held for longer than a lease, nobody who lives is in line, every key
  expires, and what has ended takes up no room: as many sessions can be made as the limits allow.

A failed run says its seed; `SIMULATION_SEED=N` in the environment of pytest plays it again, and
`SIMULATION_SEEDS=N` says how many seeds the test plays. A million, by hand, on all cores:

    python -m tests.faults.simulation --seeds 0-1000000
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionstore import SessionStore
from sessionstore._core.operation import Operation, Wake
from tests.faults.simulation_actors import Broken, Cast, Claims, bury, scene_of
from tests.faults.simulation_end import (
    GROWN_OLD,
    SIZE,
    agreed,
    at_once,
    ended,
    hushes,
    lapses,
    settled,
)
from tests.faults.simulation_limits import InForce

if TYPE_CHECKING:
    from sessionstore._core.keys import Home
    from tests.faults.simulation_actors import Actor

__all__ = ["Broken", "Running", "Simulation"]

GIVES_BACK = {"close", "delete", "abandon", "retire"}
MAKES_MORE = {"create", "admit"}
WRITES = {"save", "close", "merge", "change_list"}
WRITTEN = {b"SAVED", b"CLOSED", b"DONE"}
STEPS = 5000
ACTORS = (6, 6, 4)


@dataclass(eq=False)
class Running:
    """An actor between two steps."""

    name: str
    actor: Actor
    step: Any
    lost: int = 0
    """How often the answer to its step was lost so far."""


class Simulation:
    """One run with one seed, in an empty store that has the limits of its scene."""

    def __init__(self, store: SessionStore, seed: int) -> None:
        self.seed = seed
        self.scene = scene_of(seed)
        self.chance = random.Random(seed)
        self.claims = Claims()
        self._store = store
        self._answer = store._driver._answer
        self._keys = store._calls.keys
        self._pool = self._keys.pool("private")
        self._in_force = InForce(self.scene.limits)
        self._cast = Cast(store._calls, self.scene, self.chance, self.claims, self._in_force)
        self._running: list[Running] = []

    @property
    def history(self) -> list[str]:
        """What happened so far."""
        return self.claims.told()

    def run(self) -> None:
        """Play it; Broken says what was not true."""
        try:
            born = (("a", "ann"), ("b", "bob"), ("a", ""))
            at_once(self._answer, [self._cast.born(id, owner) for id, owner in born])
            for number in range(ACTORS[self.seed % len(ACTORS)]):
                self._start(f"actor{number}")
            self._play_to_the_end()
            if self.scene.changing:
                agreed(self._store)
            ended(self._store, self.scene, self.claims, settled(self._store, self.scene))
        except Broken as error:
            told = "\n".join(self.history[-200:])
            raise Broken(f"seed {self.seed}: {error}\n{told}") from error
        finally:
            for running in self._running:
                bury(running.actor)

    def _play_to_the_end(self) -> None:
        for _ in range(STEPS):
            if not self._running:
                return
            self._one_step(self.chance.choice(self._running))
        raise Broken("the actors do not come to an end")

    def _start(self, name: str) -> None:
        actor = self._cast.life(name)
        self._running.append(Running(name, actor, next(actor)))

    def _one_step(self, running: Running) -> None:
        fault = self.chance.random()
        if fault < 0.01:
            self.claims.note(running.name, "crashes")
            if self.chance.random() < 0.5:
                self._carry_out(running)  # its last words reached the server
            self._running.remove(running)
            bury(running.actor)
            return
        if fault < 0.06:
            self._lapse()
        elif fault < 0.08:
            self._hush()
        elif fault < 0.12 and "max_private" in self.scene.limits:
            self._seats_grow_old()
        answer = self._carry_out(running)
        if self.chance.random() < 0.12 and running.lost < 3:
            running.lost += 1
            self.claims.note(running.name, "loses the answer")
            if not isinstance(running.step, Wake):
                one = isinstance(running.step, Operation)
                for operation in [running.step] if one else running.step:
                    operation.unanswered = True
            return  # it will be sent again, and others come first perhaps
        running.lost = 0
        try:
            running.step = running.actor.send(answer)
        except StopIteration:
            self._running.remove(running)
        if self._in_force.is_new:
            (taken,) = at_once(self._answer, [iter(Operation(SIZE, (self._pool.seats,), (), int))])
            alive = self._alive([])[1]
            self._in_force.begins({**alive, "all": max(taken, alive.get("all", 0))})

    def _carry_out(self, running: Running) -> Any:
        step = running.step
        if isinstance(step, Wake):
            return None  # a waiter may wake at any time, it looks anew
        steps: list[Operation[Any]] = [step] if isinstance(step, Operation) else step
        may = [self._may(running, operation) for operation in steps]
        if self.scene.limits and any(one.script.name in MAKES_MORE for one in steps):
            answers, alive = self._alive(steps)
            for whose, many in alive.items():
                if many > (most := self._in_force.most(whose)):
                    raise Broken(f"{many} sessions are alive ({whose}), and {most} may be")
        else:
            answer = self._answer(step)
            answers = [answer] if isinstance(step, Operation) else answer
        for operation, one, allowed in zip(steps, answers, may, strict=True):
            self.claims.note(running.name, operation, one)
            status = one if isinstance(one, bytes) else one[0]
            if not allowed and status in WRITTEN:
                raise Broken(f"{running.name} may not {operation.script.name}, and is not refused")
        return answers[0] if isinstance(step, Operation) else answers

    def _may(self, running: Running, operation: Operation[Any]) -> bool:
        """Whether an operation may be done by all that is known; one that is sent again may be."""
        script = operation.script.name
        sid = operation.keys[0].partition("}s:")[2]
        holder = self.claims.holders.get(sid)
        if script in GIVES_BACK and holder == running.name:
            del self.claims.holders[sid]
        if operation.unanswered or script not in WRITES:
            return True
        if script == "merge":
            return holder in (None, running.name) or operation.args[1] == "any"
        return holder == running.name

    def _alive(self, steps: list[Operation[Any]]) -> tuple[list[Any], dict[str, int]]:
        """Carry out operations, and count what is alive after that in the same round trip."""
        counts = self._in_force.counts(self._keys)
        asked = [count for several in counts.values() for count in several]
        if not steps and not asked:
            return [], {}
        answers = self._answer([*steps, *asked])
        found = iter(answers[len(steps) :])
        alive = {
            whose: sum(count.parse(next(found)).alive for count in several)
            for whose, several in counts.items()
        }
        return list(answers[: len(steps)]), alive

    def _seats_grow_old(self) -> None:
        """Let half a minute go by for all that have taken a seat and not come with it yet."""
        self.claims.note("time", "the seats grow old")
        at_once(self._answer, [iter(Operation(GROWN_OLD, (self._pool.fresh,), (), int))])

    def _hush(self) -> None:
        """Let nobody who waits for some session give a sign of life for too long."""
        home = self._any_session()
        if at_once(self._answer, [hushes(home)]) != [0]:
            self.claims.note("time", f"who waits for {home.sid} is silent")

    def _any_session(self) -> Home:
        """Return a session that somebody holds, or else any that may be there."""
        held = sorted(self.claims.holders)
        if held:
            return self._keys.home(self.chance.choice(held))
        return self._keys.named(
            self.chance.choice(self.scene.ids), self.chance.choice(self.scene.owners)
        )

    def _lapse(self) -> None:
        """Let the lease of some session end now."""
        home = self._any_session()
        (lapsed,) = at_once(self._answer, [lapses(home)])
        if lapsed is True:
            self.claims.note("time", f"the lease of {home.sid} ends")
            self.claims.holders.pop(home.sid, None)


if __name__ == "__main__":
    from tests.faults.simulation_stage import main

    main()
