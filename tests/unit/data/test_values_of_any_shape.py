"""A short run of the fuzzer; `python -m tests.unit.data.fuzz --cases 1000000` is the long one."""

from __future__ import annotations

import secrets

from tests.unit.data.fuzz import run


def test_damaged_bytes_are_an_error_or_a_value() -> None:
    found = run(3000, secrets.randbelow(10**9))
    assert found["an error"] > 1000
    assert found["a value"] > 100
