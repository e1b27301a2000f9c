"""Mistakes that other session stores have made, and the tests that show that this one does not.

The seventeen rows are those of a study of their issue trackers. A named test must exist.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STORE, FAULTS, PROOF = "tests/store", "tests/faults", "tests/proof"

PITFALLS: dict[str, tuple[str, ...]] = {
    "a call that comes late: close, save, touch or rename of what another has meanwhile": (
        f"{STORE}/test_leases.py::test_who_lost_the_lease_learns_it_and_writes_nothing",
        f"{STORE}/test_leases.py::test_a_loser_of_an_earlier_session_of_the_name_cannot_close_this",
        f"{STORE}/test_ended.py::test_a_holder_that_comes_late_revives_nothing",
        f"{STORE}/test_timeouts.py::test_a_session_nobody_swept_is_not_revived_by_touch_or_open",
        f"{PROOF}/test_found.py::test_a_loser_of_a_session_that_is_long_forgotten_is_told",
        f"{PROOF}/test_model.py::test_whatever_clients_do_the_store_is_what_a_plain_model_of_it_is",
    ),
    "two saves at once, of different attributes and of one; a save after the lease": (
        f"{STORE}/test_modes.py::test_shared_writers_of_different_attributes_both_survive",
        f"{STORE}/test_modes.py::test_shared_writers_of_one_attribute_conflict_and_it_is_named",
        f"{FAULTS}/test_killed_clients.py::test_a_late_write_through_the_same_store_is_refused_too",
    ),
    "many creates at once at every limit, also when they evict and a victim is held": (
        (
            f"{FAULTS}/test_races.py::test_of_twenty_simultaneous_creates_of_one_owner_exactly_as_many"
            "_succeed_as_the_limit_allows"
        ),
        (
            f"{FAULTS}/test_races.py::test_of_twenty_simultaneous_creates_exactly_as_many_succeed"
            "_as_there_are_seats"
        ),
        (
            f"{FAULTS}/test_races.py::test_twenty_simultaneous_creates_that_evict_all_succeed_and_leave"
            "_as_many_as_the_limit_allows"
        ),
        f"{STORE}/test_limits.py::test_a_store_full_of_open_sessions_evicts_none",
    ),
    "two limits at once; a limit that was lowered below what is there": (
        f"{STORE}/test_quotas.py::test_a_lowered_limit_of_an_owner_evicts_as_many_as_need_be",
        f"{STORE}/test_limits.py::test_a_limit_set_later_counts_what_is_there",
        f"{STORE}/test_limits.py::test_a_create_that_fails_gives_its_seat_back",
    ),
    "a new id under load: no old id is left in an index, and limits and timeout are kept": (
        f"{STORE}/test_moves.py::test_a_close_gives_another_id_or_owner",
        f"{STORE}/test_moves.py::test_a_crash_at_any_step_leaves_one_session",
        f"{PROOF}/test_found.py::test_a_rename_needs_no_second_place_in_the_quota_of_its_owner",
        f"{FAULTS}/test_simulation.py::test_whatever_the_order_and_the_faults_all_claims_hold",
    ),
    "a holder, waiter or sweeper that is killed between any two steps": (
        (
            f"{FAULTS}/test_killed_clients.py::"
            "test_the_session_of_a_killed_holder_is_free_after_its_lease_with_all_it_saved"
        ),
        (
            f"{FAULTS}/test_killed_clients.py::"
            "test_killed_waiters_do_not_hold_up_the_next_and_the_line_keeps_its_order"
        ),
        (
            f"{FAULTS}/test_killed_clients.py::"
            "test_a_crowd_that_was_killed_in_line_holds_up_a_newcomer_for_seconds"
        ),
        f"{FAULTS}/test_simulation.py::test_whatever_the_order_and_the_faults_all_claims_hold",
        (
            f"{PROOF}/test_histories.py::"
            "test_what_processes_see_of_a_session_some_of_them_killed_could_have_been_in_one_order"
        ),
    ),
    "a holder that hangs for longer than its lease, and saves then": (
        (
            f"{FAULTS}/test_killed_clients.py::"
            "test_what_a_holder_does_that_was_stopped_past_its_lease_is_refused_and_does_not_land"
        ),
    ),
    "a call that is cancelled wherever it waits: opening, in line, saving, closing": (
        (
            f"{FAULTS}/test_cancellation.py::"
            "test_calls_cancelled_at_random_leave_no_holder_no_waiter_no_connection_and_no_wrong_data"
        ),
        f"{FAULTS}/test_cancellation.py::test_a_call_cancelled_twice_cleans_up_all_the_same",
        (
            f"{FAULTS}/test_cancellation.py::"
            "test_whoever_is_cancelled_while_waiting_leaves_the_line_to_the_next"
        ),
    ),
    "a wake-up that is lost, with the connection or with the server": (
        "tests/unit/_core/test_flows.py::test_a_waiter_looks_by_itself_now_and_then",
        (
            f"{FAULTS}/test_servers_that_fail.py::"
            "test_after_a_restart_under_load_callers_go_on_and_nothing_acknowledged_is_lost"
        ),
    ),
    "a failover in the middle of a call; a server that has forgotten the scripts": (
        f"{FAULTS}/test_failover.py::test_calls_go_on_after_the_primary_behind_sentinel_was_killed",
        f"{FAULTS}/test_failover.py::test_calls_go_on_after_a_primary_of_a_cluster_was_killed",
        (
            f"{FAULTS}/test_servers_that_fail.py::"
            "test_every_call_works_though_the_scripts_are_flushed_before_each"
        ),
    ),
    "app servers whose clocks are wrong, or whose time zone changes": (
        (
            f"{PROOF}/test_clocks.py::"
            "test_the_clock_and_the_time_zone_of_an_app_server_decide_nothing"
        ),
    ),
    "a timeout that is nought, negative or a fraction; a session that ends just now": (
        f"{STORE}/test_timeouts.py::test_nought_ends_it_at_its_close",
        f"{STORE}/test_bad_input.py::test_durations_that_make_no_sense_are_refused",
        "tests/unit/test_checks.py::test_durations_are_rounded_up",
        f"{STORE}/test_timeouts.py::test_an_idle_session_ends_by_itself",
    ),
    "stored values of another version, of an unknown class, or cut short": (
        ("tests/unit/data/test_values.py::test_any_bytes_are_decoded_or_told_to_be_undecodable"),
        "tests/unit/data/test_values.py::test_an_object_that_claims_another_class_is_refused",
    ),
    "very many sessions: pages, counts, sweeps": (
        f"{STORE}/test_lifecycle.py::test_a_listing_longer_than_a_page_is_whole",
        f"{STORE}/test_lifecycle.py::test_a_sweep_goes_through_more_than_a_page",
        f"{STORE}/test_timeouts.py::test_lowering_max_timeout_goes_through_more_than_a_page",
    ),
    "an id that the client made up, with odd characters, or very long": (
        f"{STORE}/test_ids.py::test_a_hostile_id_is_an_id_like_any_other",
        f"{STORE}/test_ids.py::test_what_cannot_be_an_id_is_refused",
        f"{STORE}/test_ids.py::test_an_id_that_looks_generated_cannot_be_given",
    ),
}

ELSEWHERE: dict[str, str] = {
    "slots that migrate while scripts run": "tests/soak: it needs a loaded cluster, for minutes",
    "visitors that send no cookie, health checks": "the web part decides when a visitor gets one",
}
"""Rows that are shown somewhere else, or belong to a part that is not there yet, and why."""


@cache
def named_in(path: str) -> set[str]:
    """Return the names of the tests in a file, as pytest would find them."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_every_pitfall_has_tests_and_each_of_them_exists(pitfall: str) -> None:
    assert PITFALLS[pitfall]
    for node in PITFALLS[pitfall]:
        path, _, name = node.partition("::")
        assert name in named_in(path), node


def test_there_are_seventeen_pitfalls() -> None:
    assert len(PITFALLS) + len(ELSEWHERE) == 17
    assert all(ELSEWHERE.values())
