"""A queue says who is next: fair between owners, in the order of each, within its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore._core.jobs import queues
from sessionstore._core.jobs.keys import find_job, new_job, queue
from sessionstore._core.jobs.records import Entry, Later, Waiting
from sessionstore._core.keys import ticket

if TYPE_CHECKING:
    from tests.support.worlds import World

LONG = 3_600_000


class Line:
    """A queue in a world, and what is asked of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = queue(world.keys, "line")
        self.driver = world.driver()
        self.named: dict[str, str] = {}

    def add(self, *names: str, head_start: int = 0, delay: int = 0, check: bool = False) -> Any:
        """Put jobs in line, each named OWNER and a number."""
        waiting = []
        for name in names:
            id = self.named.setdefault(name, new_job(self.world.keys.buckets[0]).id)
            waiting.append(Waiting(id, "line", name.rstrip("0123456789"), head_start, delay, False))
        return self.driver.do(queues.enqueue(self.queue, waiting, check=check))

    def entry(self, name: str) -> Entry:
        return Entry(self.named[name], name.rstrip("0123456789"))

    def take(
        self, most: int = 1, hide_ms: int = LONG, *, done: str = "", call: str = "", **told: Any
    ) -> str:
        """Take jobs; return their names."""
        over = [self.entry(name) for name in done.split()]
        claiming = queues.claim(
            self.queue, call or ticket(), most, hide_ms, done=over, later=told.get("later", ())
        )
        names = {id: name for name, id in self.named.items()}
        return " ".join(names[entry.job] for entry in self.driver.do(claiming).entries)

    def limit(self, **limits: float) -> None:
        self.world.raw.hset(self.queue.limits, mapping=limits)


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


def test_an_owner_gets_jobs_in_the_order_of_submission(line: Line) -> None:
    line.add("ann1", "ann2")
    line.add("ann3")
    assert line.take(5) == "ann1 ann2 ann3"


def test_owners_take_turns_however_much_one_has_submitted(line: Line) -> None:
    line.add(*(f"ann{number}" for number in range(20)))
    line.add("bob0", "cyd0")
    taken = line.take(4).split()
    assert {"bob0", "cyd0"} < {*taken}


def test_who_comes_later_has_no_claim_to_turns_of_the_past(line: Line) -> None:
    line.add(*(f"ann{number}" for number in range(20)))
    line.take(10)
    line.add(*(f"bob{number}" for number in range(20)))
    owners = [name[:3] for name in line.take(10).split()]
    assert owners.count("ann") == owners.count("bob") == 5


def test_a_head_start_comes_first_and_starves_nobody_who_waits_longer(line: Line) -> None:
    line.add("ann1", head_start=30_000)
    line.add("ann2")
    line.add("ann3", head_start=60_000)
    assert line.take(3) == "ann3 ann1 ann2"


def test_what_was_taken_is_hidden_until_then_and_looked_at_again_after_it(line: Line) -> None:
    line.add("ann1")
    assert line.take() == "ann1"
    assert line.take() == ""
    line.world.raw.zadd(f"{line.queue.limits[:-1]}c", {line.entry("ann1").member: 1})
    assert line.take() == "ann1"
    assert line.take(done="ann1") == ""


def test_a_call_that_is_repeated_takes_the_same(line: Line) -> None:
    line.add("ann1", "ann2")
    call = ticket()
    assert line.take(call=call) == line.take(call=call)
    assert line.take(5) != ""
    assert line.take(5) == ""


def test_a_job_in_line_twice_keeps_its_place(line: Line) -> None:
    line.add("ann1", head_start=10)
    line.add("ann2")
    line.add("ann1", head_start=-10_000)
    assert line.take(5) == "ann1 ann2"


def test_one_that_was_taken_is_not_in_line_again(line: Line) -> None:
    line.add("ann1")
    line.take()
    line.add("ann1")
    assert line.take() == ""


def test_what_is_for_later_comes_when_it_is_due(line: Line) -> None:
    line.add("ann1", delay=LONG)
    assert line.take() == ""
    line.world.raw.zadd(f"{line.queue.limits[:-1]}d", {line.entry("ann1").member: 1})
    assert line.take() == "ann1"


@pytest.mark.parametrize("runs", [True, False])
def test_what_cannot_be_started_now_is_looked_at_again_in_time(line: Line, runs: bool) -> None:
    line.add("ann1")
    line.take()
    assert line.take(later=[(line.entry("ann1"), Later(runs, LONG))]) == ""
    assert line.take(later=[(line.entry("ann1"), Later(runs, -LONG))]) == "ann1"


def test_no_more_run_than_the_queue_may_have_running(line: Line) -> None:
    line.limit(max_running=2)
    line.add("ann1", "ann2", "ann3", "bob1")
    first, _ = line.take(5).split()
    assert line.take(5) == ""
    assert len(line.take(5, done=first).split()) == 1


def test_no_more_of_an_owner_run_than_may_and_others_pass(line: Line) -> None:
    line.limit(max_running_per_owner=1)
    line.add("ann1", "ann2", "bob1")
    assert {*line.take(5).split()} == {"ann1", "bob1"}
    assert line.take(5) == ""
    assert line.take(5, done="ann1") == "ann2"


def test_a_paused_queue_gives_nothing_and_takes_in(line: Line) -> None:
    line.limit(paused=1)
    line.add("ann1")
    assert line.take() == ""
    line.world.raw.hdel(line.queue.limits, "paused")
    assert line.take() == "ann1"


def test_a_rate_lets_through_so_many_a_second(line: Line) -> None:
    line.limit(rate=3)
    line.add(*(f"ann{number}" for number in range(10)))
    assert len(line.take(10).split()) == 3
    assert line.take(10) == ""


def test_a_slow_rate_lets_the_first_through_and_forgets_no_fraction(
    line: Line, world: World
) -> None:
    line.limit(rate=0.1)
    line.add("ann1", "ann2")
    assert line.take() == "ann1"
    for _ in range(100):  # others ask all the time
        world.raw.hincrby(line.queue.limits, "at", -4)
        assert line.take() == ""
    assert float(world.raw.hget(line.queue.limits, "left")) >= 0.04
    world.raw.hincrby(line.queue.limits, "at", -9600)
    assert line.take() == "ann2"


def test_a_full_queue_refuses_whoever_asks_it_to(line: Line) -> None:
    line.limit(max_waiting=2)
    assert line.add("ann1", "ann2", check=True) is None
    assert line.add("ann3", check=True) == 2
    assert line.add("ann3") is None


def test_all_keys_of_a_queue_that_is_empty_are_gone_or_expire(line: Line, world: World) -> None:
    line.add("ann1", "bob1")
    taken = line.take(5)
    line.take(0, done=taken)
    for key in world.raw.keys(f"{line.queue.limits[:-1]}*"):
        assert world.raw.pttl(key) > 0, key
    assert find_job(world.keys, line.named["ann1"]).id == line.named["ann1"]
