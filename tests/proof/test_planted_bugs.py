"""The test of the tests: a bug that is planted makes at least one of the checkers fail.

Each bug is a script, or an operation, that is changed in this process alone.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from sessionstore import QuotaExceeded, SessionStore, SessionStoreError
from sessionstore._core import buckets, flows, listing, moves, parameters, scripts, seats, sessions
from sessionstore._core.records import Held
from tests.faults import test_races
from tests.faults.simulation import Broken
from tests.faults.simulation_stage import Stage
from tests.proof.histories import Call, linearizable
from tests.proof.test_model import Clients
from tests.support.worlds import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionstore._core.operation import Flow
    from tests.support.worlds import Places

SEEDS = 50
CREATORS = 20
LIMIT = 5
NAMES = iter(range(10**6))


def planted(script: scripts.Script, pattern: str, instead: str) -> scripts.Script:
    """Return a script with a bug: what matches the pattern is replaced."""
    text, count = re.subn(pattern, instead, script.text, flags=re.DOTALL)
    assert count == 1, f"{script.name}.lua is not what this test knows"
    return scripts._script(script.name, text)


def prefix() -> str:
    return f"planted{os.getpid()}-{next(NAMES)}"


@pytest.fixture
def url(places: Places) -> str:
    return places.get("embedded").url


def simulated(seeds: int = SEEDS) -> None:
    """Play seeds until one is Broken."""
    with Stage() as stage:
        stage.play_all(range(seeds))


def modelled(places: Places, limits: dict[str, Any], examples: int = 200) -> None:
    """Drive the model until it differs."""
    run_state_machine_as_test(
        type("Clients", (Clients,), {"places": places, "limits": limits}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


# The fence check.

FENCE = {
    "close": (
        "CLOSE", r"if s\.fence ~= fence then.*?\nend\nif s\.lapsed then return 'LOST' end", "",
    ),
    "save": (
        "SAVE", r"if s\.fence ~= tonumber\(fence\) or not s\.held then return 'LOST' end", "",
    ),
}  # fmt: skip


@pytest.fixture
def no_fence_check(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    for name in request.param:
        constant, pattern, instead = FENCE[name]
        monkeypatch.setattr(
            sessions, constant, planted(getattr(sessions, constant), pattern, instead)
        )


@pytest.mark.parametrize(
    "no_fence_check", [("close",), ("save",), ("close", "save")], indirect=True, ids=" and ".join
)
@pytest.mark.usefixtures("no_fence_check")
class TestWithoutTheFenceCheck:
    def test_the_simulation_fails(self) -> None:
        with pytest.raises(Broken, match="may not"):
            simulated()

    def test_the_model_fails(self, places: Places) -> None:
        with pytest.raises(AssertionError):
            modelled(places, {})


@pytest.mark.parametrize("no_fence_check", [("save",)], indirect=True, ids=["save"])
@pytest.mark.usefixtures("no_fence_check")
def test_without_the_fence_check_a_history_has_no_order(url: str) -> None:
    assert not linearizable(stale_save(url), 0)


def test_with_the_fence_check_the_same_history_has_an_order(url: str) -> None:
    assert linearizable(stale_save(url), 0)


def stale_save(url: str) -> list[Call]:
    """One holder sleeps through the end of its lease, and saves when the next one has saved."""
    with SessionStore.connect(url, prefix=prefix(), buckets=BUCKETS) as store:
        store.create("a", data={"v": 0}, open=False)
        calls: list[Call] = []

        def told(process: int, kind: str, argument: Any, answer: Any) -> None:
            calls.append(
                Call(process, kind, argument, answer, 10 * len(calls), 10 * len(calls) + 5)
            )

        def opens(process: int) -> Any:
            session = store.open("a")
            told(process, "open", None, (session.fence, session["v"]))
            return session

        def saves(process: int, session: Any, value: Any) -> None:
            session["v"] = value
            try:
                session.save()
            except SessionStoreError:
                told(process, "write", value, False)
            else:
                told(process, "write", value, True)

        def lapses(process: int, session: Any) -> None:
            store._driver.do(sessions.renew([Held(session._home, session.fence, -1, -1)]))
            told(process, "lapse", session.fence, True)

        first = opens(1)
        saves(1, first, 1)
        lapses(1, first)
        second = opens(2)
        saves(2, second, 2)
        saves(1, first, 3)
        told(3, "read", None, store.read("a")["v"])
        return calls


# The quota check.


@pytest.fixture
def quota_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count first, and create later: the script says yes to all."""
    monkeypatch.setattr(
        sessions, "CREATE",
        planted(sessions.CREATE, r"local refusal = not counted and make_room.*?\n[^\n]*\n", ""),
    )  # fmt: skip
    create: Callable[..., Flow[Any]] = flows.create

    def counting(keys: Any, home: Any, label: str, owner: str, **more: Any) -> Flow[Any]:
        limit = (yield from parameters.current(keys)).max_per_owner
        if limit is not None and owner not in ("", "*"):
            alive = yield from listing.count(keys, owner)
            if alive >= limit:
                raise QuotaExceeded("owner", value=limit)
        return (yield from create(keys, home, label, owner, **more))

    monkeypatch.setattr(flows, "create", counting)


@pytest.mark.usefixtures("quota_outside")
class TestWithTheQuotaCheckMovedOutOfTheScript:
    def test_one_after_the_other_shows_nothing(self, url: str) -> None:
        with SessionStore.connect(url, prefix=prefix(), buckets=BUCKETS) as store:
            store.configure(max_per_owner=LIMIT)
            assert [made(store, number) for number in range(CREATORS)].count(True) == LIMIT

    def test_the_race_of_threads_fails(self, url: str) -> None:
        with (
            SessionStore.connect(url, prefix=prefix(), buckets=BUCKETS) as store,
            pytest.raises(AssertionError),
        ):
            test_races.test_a_limit_holds_for_the_threads_of_one_process(store)

    def test_the_simulation_fails(self) -> None:
        with pytest.raises(Broken, match=r"sessions are alive \(ann\)"):
            simulated()


def made(store: SessionStore, number: int, owner: str = "ann") -> bool:
    try:
        store.create(f"n{number}", owner, open=False)
    except QuotaExceeded:
        return False
    return True


# Shared saves, and seats.

RULES = {
    "a shared save that overwrites": (
        sessions, "MERGE", r"if #conflicts > 1 then return conflicts end", "", {},
    ),
    "a shared save beside a holder": (
        sessions, "MERGE", r"if s\.held and \(while_held.*?\nend\n", "", {},
    ),
    "a pool with a seat too many": (
        seats, "TAKE_SEAT", r">= limit then", "> limit then", {"max_private": 2},
    ),
    "a seat that is never given back": (
        seats, "REVIEW_SEATS", r"redis\.call\('ZREM', seats, seat\)", "0", {"max_private": 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", RULES)
def test_the_model_fails_with(places: Places, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    module, constant, pattern, instead, limits = RULES[bug]
    monkeypatch.setattr(module, constant, planted(getattr(module, constant), pattern, instead))
    with pytest.raises(AssertionError):
        modelled(places, limits)


def test_the_model_fails_with_a_shared_save_into_another_session_of_the_same_name(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_again(places)
    without = planted(sessions.MERGE, r"if not is_same\(s, which\) then[^\n]*", "")
    monkeypatch.setattr(sessions, "MERGE", without)
    with pytest.raises(AssertionError):
        made_again(places)


def made_again(places: Places) -> None:
    """Share a session that is deleted and made again, and save."""
    machine = type("Clients", (Clients,), {"places": places, "limits": {}})()
    try:
        machine.there_is_one("ann")
        machine.share(0, "q", 1, saves=False)
        machine.delete_what_is_open_here(0)
        machine.create("a", "ann", None, None, {"p": 1}, False)
        machine.save_what_is_shared(0, "q", 2, closes=False)
        machine.both_have_the_same()
    finally:
        machine.teardown()


# The hand-over.

HAND_OVER = {
    "a grant is a full lease, and nobody confirms it": {
        r"'g', string\.sub\(entry, 30\), store\.now \+ 2000":
            "'o', string.sub(entry, 30), store.now + store.lease",
        r"'%013dg%s%s'": "'%013do%s%s'",
    },
    "a waiter that died blocks the next": {
        r"s\.held = s\.lease_end > store\.now":
            "s.held = s.lease_end > store.now or string.sub(holder, 14, 14) == 'g'",
    },
}  # fmt: skip
LINE = {
    "a waiter that is silent gets its turn": {
        r"ticket == s\.asking or is_alive\(until_, store\)": "true",
    },
    "the last in line is the first": {
        r"redis\.call\('LINDEX', waiters, at\)": "redis.call('LINDEX', waiters, -1 - at)",
    },
    "who was passed over has lost its place": {
        r"(local until_, ticket = tonumber)": r"if at > 0 then redis.call('LPOP', waiters) end \1",
    },
    "who missed its turn has lost its place": {
        r"redis\.call\('LPUSH', waiters": "redis.call('RPUSH', waiters",
    },
}  # fmt: skip


@pytest.fixture
def in_all_scripts(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Change what the scripts have in common, in each that has it."""
    bug = {**HAND_OVER, **LINE}[request.param]
    for module in (sessions, buckets, moves):
        for constant, script in vars(module).copy().items():
            if isinstance(script, scripts.Script):
                text = script.text
                for pattern, instead in bug.items():
                    text = re.sub(pattern, instead, text)
                monkeypatch.setattr(module, constant, scripts._script(script.name, text))
    text = scripts.load("close").text
    assert all(re.search(pattern, text) for pattern in bug), "the scripts are not what this knows"


@pytest.mark.parametrize("in_all_scripts", HAND_OVER, indirect=True)
@pytest.mark.usefixtures("in_all_scripts")
def test_without_confirm_by_the_model_fails(places: Places) -> None:
    with pytest.raises(AssertionError):
        handed_over(places)


def test_with_confirm_by_the_model_holds(places: Places) -> None:
    handed_over(places)


@pytest.mark.parametrize("in_all_scripts", LINE, indirect=True)
@pytest.mark.usefixtures("in_all_scripts")
def test_the_model_of_the_line_fails_with_a_bug_in_it(places: Places) -> None:
    with pytest.raises(AssertionError):
        lined_up(places)


def test_the_model_of_the_line_holds(places: Places) -> None:
    lined_up(places)


def handed_over(places: Places) -> None:
    """Hand a session to a waiter that does not come for it, and so to the next."""
    played(
        places, 2,
        lambda machine: machine.close(0, None),
        lambda machine: machine.lapse(0),
        lambda machine: machine.look_again(1),
        lambda machine: machine.change_and_close(0, None, 3),
    )  # fmt: skip


def lined_up(places: Places) -> None:
    """Hand a session along a line of which the first hangs, comes back, and then misses a turn.

    A waiter that has looked in vain is the last one of those that can be picked.
    """
    played(
        places, 4,
        lambda machine: machine.stop_waiting(0, "hangs"),
        lambda machine: machine.close(0, None),  # to the second
        lambda machine: machine.look_again(1),
        lambda machine: machine.look_again(0),  # the first is back, in front of the third
        lambda machine: machine.close(0, None),  # to the first
        lambda machine: machine.lapse(0),  # which does not come
        lambda machine: machine.look_again(0),  # so to the third
        lambda machine: machine.look_again(1),  # the first is back, in front of the fourth
        lambda machine: machine.close(0, None),
        lambda machine: machine.look_again(1),
        lambda machine: machine.close(0, None),
        lambda machine: machine.look_again(0),
    )  # fmt: skip


def played(places: Places, waiters: int, *steps: Callable[[Clients], None]) -> None:
    """Let so many wait for a session, and then things happen."""
    machine = type("Clients", (Clients,), {"places": places, "limits": {}})()
    try:
        machine.there_is_one("ann")
        for _ in range(waiters):
            machine.wait_in_line(0)
        for happens in steps:
            happens(machine)
            machine.both_have_the_same()
    finally:
        machine.teardown()
