"""What is said to a question of a job, as bytes: a value, or errors instead of one."""

from __future__ import annotations

from typing import Any

from sessionstore.data import encode
from sessionstore.errors import JobFailed, ValueTooLarge

__all__ = ["answer_of", "refusal_of"]

LARGEST = 64 << 10
"""Bytes in an answer, as in an event."""


def answer_of(value: Any) -> bytes:
    """Return a value as an answer; TypeRefused, ValueTooLarge."""
    body = encode({"value": value}, "answer")
    if len(body) > LARGEST:
        raise ValueTooLarge("", size=len(body), limit=LARGEST, why="the answer would have")
    return body


def refusal_of(error: BaseException) -> bytes:
    """Return what was raised instead of an answer. JobFailed says its errors itself.

    Of what cannot be stored, or has too many bytes, only the kind is told: an answer it is in any
    case, for a job waits for it.
    """
    try:
        body = encode({"errors": _errors_of(error)}, "answer")
    except BaseException:  # noqa: BLE001 - code of the caller
        body = b""
    if 0 < len(body) <= LARGEST:
        return body
    untold = _failure(type(error).__name__, "what it says cannot be told")
    return encode({"errors": [untold]}, "answer")


def _errors_of(error: BaseException) -> list[dict[str, Any]]:
    """Return an error as a job tells its own."""
    if isinstance(error, JobFailed) and error.errors:
        told = [dict(one) for one in error.errors if isinstance(one, dict)]
        if len(told) == len(error.errors):
            return told
    return [_failure(type(error).__name__, str(error))]


def _failure(code: str, text: str) -> dict[str, Any]:
    storable = text[:2000].encode("utf-8", "backslashreplace").decode()
    return {"code": code[:200], "text": storable, "source": "", "line": 0, "info": []}
