"""Questions of jobs, and what is said to them, as bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

from sessionstore._core.keys import ticket
from sessionstore.data import decode, encode
from sessionstore.errors import JobFailed
from sessionstore.worker._failures import encoded

__all__ = ["CLOSED", "Question", "answered", "question"]

CLOSED = encode(None, "answer")
"""Stands for the answer to a question that nobody waits for any more, so that others are late."""


class Question(NamedTuple):
    """A question: its id, and the body of the event that asks it."""

    id: str
    body: bytes


def question(kind: str, body: Any) -> Question:
    """Return a new question."""
    id = ticket()
    return Question(id, encoded({"question": id, "type": kind, "body": body}, "question"))


def answered(job: str, answer: bytes | None, default: Any) -> Any:
    """Return what was answered; JobFailed if that is errors."""
    if answer is None:
        return default
    said = decode(answer, "answer")
    if said.get("errors"):
        why = "what it asked was answered with errors"
        raise JobFailed(job, errors=tuple(said["errors"]), why=why)
    return said.get("value")
