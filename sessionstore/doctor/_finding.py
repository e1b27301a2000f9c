"""What the doctor says about one thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Verdict", "unchecked"]


class Verdict(Enum):
    """How bad it is."""

    GOOD = "good"
    ADVICE = "advice"
    CHANGE = "change"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was found, and what to change and why."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""
    node: str = ""
    """The address of the server in a cluster that this is about; empty: the only one, or all."""


def unchecked(check: str, why: object, node: str = "") -> Finding:
    """Return that something could not be looked at."""
    return Finding(check, Verdict.UNCHECKED, str(why), node=node)
