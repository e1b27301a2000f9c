"""Rates measured in turns, so that a noisy machine is unfair to all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Result", "alternate", "rate", "ratio"]


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a case by name, the unit they are in, and the one that counts."""

    title: str
    unit: str
    figures: Mapping[str, float]
    judged: float
    aim: str
    reached: bool
    details: Mapping[str, object] = field(default_factory=dict)


def rate(work: Callable[[], object], times: int) -> float:
    """Return how often a second some work is done."""
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return times / (time.perf_counter() - begun)


def alternate(
    contestants: Mapping[str, Callable[[], float]], rounds: int
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Let each contestant measure itself in every round; return the medians, and all figures.

    Within a round the order changes, so that nobody always comes after the same one.
    """
    found: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(contestants[name]())
    return {name: statistics.median(figures) for name, figures in found.items()}, found


def ratio(found: Mapping[str, list[float]], ours: str, theirs: str) -> float:
    """Return the median over the rounds of what is ours divided by what is theirs."""
    pairs = zip(found[ours], found[theirs], strict=True)
    return statistics.median(mine / other for mine, other in pairs)
