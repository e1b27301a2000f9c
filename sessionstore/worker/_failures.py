"""What is told of a job that fails: errors as data, the topmost first."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from typing import Any

from sessionstore.data import encode
from sessionstore.errors import JobFailed, JobRefused, SessionStoreError, ValueTooLarge

__all__ = [
    "Errors",
    "encoded",
    "errors_of",
    "failure",
    "in_words",
    "returned",
    "written",
]

LARGEST_RESULT = 256 * 1024
"""Bytes in what a job returns."""

LARGEST_BODY = 64 * 1024
"""Bytes in one event."""

LONGEST_TEXT = 2000
MOST = 16

Errors = list[dict[str, Any]]


def failure(
    code: str, text: str, *, source: str = "", line: int = 0, info: Any = None
) -> dict[str, Any]:
    """Return one error as data."""
    return {
        "code": _storable(code)[:200],
        "text": _storable(text)[:LONGEST_TEXT],
        "source": _storable(source)[:200],
        "line": line,
        "info": info or [],
    }


def _storable(text: str) -> str:
    """Return a text as it can be stored: without halves of characters, as file names may have."""
    return text.encode("utf-8", "backslashreplace").decode()


def errors_of(error: BaseException) -> Errors:
    """Return an exception and what caused it, each with where in the job it was raised.

    A job that raises JobFailed says its errors itself.
    """
    try:
        if isinstance(error, JobFailed):
            told = [_as_failure(one) for one in error.errors[:MOST]]
            return told or [failure("JobFailed", error.why)]
        return [_one(each) for each in _chain(error)]
    except BaseException:  # noqa: BLE001 - code of the job, which must end in any case
        return [failure(type(error).__name__, "it cannot be told what it says")]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    handled = sys.exc_info()[1]
    # A worker may run where somebody handles an error of his own. That is none of its jobs'.
    around = None if handled is error else handled
    seen: set[int] = set()
    while error is not None and error is not around and id(error) not in seen and len(seen) < MOST:
        seen.add(id(error))
        yield error
        hidden = error.__suppress_context__
        error = error.__cause__ or (None if hidden else error.__context__)


def _one(error: BaseException) -> dict[str, Any]:
    code = "bad-parameters" if isinstance(error, JobRefused) else type(error).__name__
    source, line = "", 0
    for frame, number in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(("sessionstore.worker", "asyncio")):
            source, line = module, number
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - code of the job
        text = ""
    return failure(code, text, source=source, line=line)


def _as_failure(given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        return failure("JobFailed", str(given))
    code, text = str(given.get("code", "JobFailed")), str(given.get("text", ""))
    source, line, info = given.get("source", ""), given.get("line"), given.get("info")
    number = line if isinstance(line, int) else 0
    return failure(code, text, source=str(source), line=number, info=info)


def encoded(value: Any, what: str, *, largest: int = LARGEST_BODY) -> bytes:
    """Return the bytes of what a job tells; TypeRefused, or ValueTooLarge."""
    body = encode(value, what)
    if len(body) > largest:
        raise ValueTooLarge("", size=len(body), limit=largest, why=f"{what} would have")
    return body


def written(errors: Errors) -> bytes:
    """Return the bytes of errors; of what cannot be stored, without what they say besides."""
    try:
        return encoded(errors, "errors", largest=LARGEST_BODY)
    except SessionStoreError:
        bare = [failure(one["code"], one["text"][:200]) for one in errors]
        return encode(bare, "errors")


def returned(result: Any) -> tuple[bytes, Errors]:
    """Return the bytes of what a job has returned, or why they cannot be kept."""
    try:
        return encoded(result, "result", largest=LARGEST_RESULT), []
    except SessionStoreError as error:
        code = "result-too-large" if isinstance(error, ValueTooLarge) else "result-not-stored"
        return b"", [failure(code, str(error))]


def in_words(errors: Errors) -> str:
    """Return the topmost error as one line."""
    return f"{errors[0]['code']}: {errors[0]['text']}"[:200]
