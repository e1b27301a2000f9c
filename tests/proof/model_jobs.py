"""What jobs of sessions should do, told with plain Python: no scripts, no keys, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sessionstore import JobRefused, SessionEnded
from tests.proof.model_session import Refusal

__all__ = ["MAY_LOSE", "MOST", "MOST_PER_OWNER", "Group", "Jobs", "Task"]

MOST, MOST_PER_OWNER, MAY_LOSE = 5, 8, 1
ENDS = {"done": "result"}


@dataclass(eq=False)
class Group:
    """A session, as far as jobs know of it."""

    owner: str
    bucket: str
    """Where its jobs are: where it was when it had its first one."""
    ended: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)
    """What its sinks are told: of which job, and what."""


@dataclass(eq=False)
class Task:
    """A job."""

    id: str
    of: Group
    owner: str
    policy: str
    key: str | None
    state: str = "queued"
    stopping: bool = False
    silent: bool = False
    orphan: bool = False
    lost: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.state in ("queued", "running")

    def tell(self, what: str) -> None:
        """Tell something to the sinks of its session, if it has one that hears."""
        if not self.silent:
            self.told.append(what)
            self.of.told.append((self.id, what))


class Jobs:
    """All jobs of a store."""

    def __init__(self) -> None:
        self.all: dict[str, Task] = {}

    def of(self, group: Group, *, live: bool) -> list[Task]:
        """Return the jobs that a session is known to have."""
        return [
            one
            for one in self.all.values()
            if one.of is group and one.live == live and not one.silent
        ]

    def _check_limits(self, group: Group, owner: str, more: int) -> None:
        if group.ended:
            raise Refusal(SessionEnded, group.ended)
        if len(self.of(group, live=True)) + more > MOST:
            raise Refusal(JobRefused, "session")
        if (
            sum(one.live and one.owner == owner for one in self.all.values()) + more
            > MOST_PER_OWNER
        ):
            raise Refusal(JobRefused, "owner")

    def holder(self, group: Group, key: str | None) -> Task | None:
        """Return the job that has a key of a session."""
        found = (one for one in self.all.values() if one.of is group and one.live)
        return next((one for one in found if key is not None and one.key == key), None)

    def submit(self, group: Group, more: int) -> None:
        """Check that so many more may be submitted."""
        self._check_limits(group, group.owner, more)

    def submitted(self, ids: list[str], group: Group, policy: str, key: str | None) -> list[Task]:
        """Note new jobs."""
        new = [Task(id, group, group.owner, policy, key) for id in ids]
        for one in new:
            self.all[one.id] = one
            one.tell("queued")
        return new

    def start(self, one: Task) -> None:
        assert one.state == "queued"
        one.state = "running"
        one.tell("running")

    def finish(self, one: Task, outcome: str) -> None:
        """End a start as its worker says."""
        if outcome not in ("again", "back"):
            self._close(one, outcome)
        elif one.stopping:
            self._close(one, "cancelled")
        else:
            self._requeue(one)

    def lose(self, one: Task) -> None:
        """Its worker is gone."""
        if one.stopping:
            self._close(one, "cancelled")
            return
        one.lost += 1
        if one.lost > MAY_LOSE:
            self._close(one, "lost")
        else:
            self._requeue(one)

    def _requeue(self, one: Task) -> None:
        one.state = "queued"
        one.tell("queued")

    def _close(self, one: Task, state: str) -> None:
        one.state, one.stopping = state, False
        one.tell(ENDS.get(state, state))
        self._tell_end(one.of)

    def _tell_end(self, group: Group) -> None:
        end = ("", "session-ended")
        if group.ended and end not in group.told and not self.of(group, live=True):
            group.told.append(end)

    def cancel(self, one: Task) -> None:
        if one.state == "queued":
            self._close(one, "cancelled")
        elif one.state == "running":
            one.stopping = True

    def end(self, group: Group, why: str) -> None:
        """The session ends."""
        group.ended = why
        place = {"deleted": 0, "timed out": 1}.get(why)
        for one in self.of(group, live=True):
            policy = "now" if place is None else one.policy[place]
            if policy in "fo":
                one.silent, one.orphan = True, policy == "o"
            elif one.state == "queued" or policy == "now":
                self._close(one, "cancelled")
            else:
                one.stopping = True
        self._tell_end(group)

    def retry(self, one: Task) -> None:
        if one.state in ("running", "done"):
            raise Refusal(JobRefused, "state")
        if one.state == "queued":
            return
        if one.of.ended:
            raise Refusal(SessionEnded, one.of.ended)
        if self.holder(one.of, one.key) is not None:
            raise Refusal(JobRefused, "state")
        self._check_limits(one.of, one.owner, 1)
        one.state, one.lost, one.silent, one.orphan = "queued", 0, False, False
        one.tell("queued")

    def adopt(self, one: Task, group: Group) -> None:
        if group.ended:
            raise Refusal(SessionEnded, group.ended)
        if one.of is group:
            return
        if not one.orphan:
            raise Refusal(JobRefused, "state")
        one.of, one.silent, one.orphan, one.key = group, False, False, None
        group.bucket = one.id[:2]
        one.tell(ENDS.get(one.state, one.state))

    def facts(self, one: Task) -> dict[str, Any]:
        """Return what is to be seen of a job."""
        return {"state": one.state, "lost": one.lost, "stopping": one.stopping}
