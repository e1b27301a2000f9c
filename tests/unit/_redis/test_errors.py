"""How often a call is repeated: briefly, unless the server says that it will pass."""

from __future__ import annotations

import pytest
from redis import exceptions
from tenacity import Retrying, wait_none

from sessionstore._redis.errors import Attempts, repeating


def tries(error: Exception, fails: int) -> int:
    made, attempts = 0, Attempts()

    def call() -> None:
        nonlocal made
        made += 1
        if made <= fails:
            attempts.failed(error, [])
            raise error

    Retrying(**{**repeating(attempts), "wait": wait_none()})(call)
    return made


def test_a_lost_connection_is_worth_three_tries() -> None:
    assert tries(exceptions.ConnectionError(), 2) == 3
    with pytest.raises(exceptions.ConnectionError):
        tries(exceptions.ConnectionError(), 3)


@pytest.mark.parametrize("error", [exceptions.TimeoutError(), TimeoutError()])
def test_a_server_that_hangs_is_tried_twice(error: Exception) -> None:
    assert tries(error, 1) == 2
    with pytest.raises(type(error)):
        tries(error, 2)


def test_a_slot_that_is_being_moved_is_asked_until_it_has_arrived() -> None:
    assert tries(exceptions.TryAgainError(), 15) == 16
    with pytest.raises(exceptions.TryAgainError):
        tries(exceptions.TryAgainError(), 20)


def test_what_will_not_pass_is_not_repeated() -> None:
    with pytest.raises(exceptions.ResponseError):
        tries(exceptions.ResponseError(), 1)
