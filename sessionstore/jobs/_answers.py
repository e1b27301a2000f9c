"""What is said to a question of a job, as bytes: a value, or errors instead of one."""

from __future__ import annotations

from typing import Any

from sessionstore.data import encode
from sessionstore.errors import JobFailed

__all__ = ["answer_of", "errors_of", "refusal_of"]


def answer_of(value: Any) -> bytes:
    """Return a value as an answer; TypeRefused."""
    return encode({"value": value}, "answer")


def refusal_of(error: Exception) -> bytes:
    """Return what was raised instead of an answer. JobFailed says its errors itself."""
    return encode({"errors": errors_of(error)}, "answer")


def errors_of(error: Exception) -> list[dict[str, Any]]:
    """Return an error as a job tells its own."""
    if isinstance(error, JobFailed) and all(isinstance(one, dict) for one in error.errors):
        return [dict(one) for one in error.errors if isinstance(one, dict)]
    try:
        text = str(error)[:2000]
    except Exception:  # noqa: BLE001 - code of the caller
        text = ""
    return [{"code": type(error).__name__, "text": text, "source": "", "line": 0, "info": []}]
