"""Figures measured in turns, so that a noisy machine is unfair to all alike, and their aims."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = [
    "Aim",
    "Result",
    "alternate",
    "at_least",
    "at_most",
    "own_cpu",
    "percentile",
    "rate",
    "ratios",
]

Found = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that counts, beside what it must reach.

    `between` is the middle half of what the rounds gave: how far the figure can be trusted.
    """

    figure: float
    bound: float
    above: bool
    """Whether the figure must be the bound or more; else, the bound or less."""

    of: str
    between: tuple[float, float] | None = None

    @property
    def reached(self) -> bool:
        """Whether the figure is where it must be."""
        return self.figure >= self.bound if self.above else self.figure <= self.bound


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of a measurement by name, the unit they are in, and what is judged of them."""

    title: str
    unit: str
    figures: Mapping[str, float]
    aims: Sequence[Aim]
    details: Mapping[str, object] = field(default_factory=dict)
    series: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """For a plot: points of a curve by its name."""


def own_cpu(work: Callable[[], object], times: int) -> float:
    """Return the processor time that this process spends on some work, in us for each time.

    It is hardly touched by what else goes on on the machine.
    """
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times * 1e6


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
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(contestants[name]())
    return {name: statistics.median(figures) for name, figures in found.items()}, found


def ratios(found: Found, ours: str, theirs: str) -> list[float]:
    """Return, for each round, what is ours divided by what is theirs."""
    return [mine / other for mine, other in zip(found[ours], found[theirs], strict=True)]


def at_least(bound: float, rounds: Sequence[float], of: str) -> Aim:
    """Judge the median of some rounds, which must be the bound or more."""
    return Aim(statistics.median(rounds), bound, True, of, _middle(rounds))


def at_most(bound: float, rounds: Sequence[float], of: str) -> Aim:
    """Judge the median of some rounds, which must be the bound or less."""
    return Aim(statistics.median(rounds), bound, False, of, _middle(rounds))


def percentile(figures: Sequence[float], percent: float) -> float:
    """Return the figure that so many percent of all are at or below."""
    return sorted(figures)[max(0, math.ceil(len(figures) * percent / 100) - 1)]


def _middle(rounds: Sequence[float]) -> tuple[float, float] | None:
    return (percentile(rounds, 25), percentile(rounds, 75)) if len(rounds) > 2 else None
