"""The jobs that engines of this process know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["JobDefinition", "find_definition"]


class JobDefinition(Protocol):
    """What an engine says of a job."""

    name: str
    queue: str
    fields: Mapping[str, str | bytes | int]
    head_start_ms: int

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise JobRefused for parameters that do not fit."""


def find_definition(name: str) -> JobDefinition | None:  # noqa: ARG001 - there are no engines yet
    """Return the job of that name, if an engine of this process has it."""
    return None
