"""How patient a worker is."""

from __future__ import annotations

from dataclasses import dataclass

from sessionstore.errors import ConfigError

__all__ = ["PROFILES", "Profile"]


LONGEST = 3600
"""Seconds of a lease, or between two sweeps, at most."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How long a job is a worker's, and how often it is looked after; all in seconds.

    What a worker that was killed had is done elsewhere after `lease` and `sweep` at the latest.
    """

    lease: float = 30
    """How long a job is a worker's, unless that renews."""

    beat: float = 10
    """How often a worker renews, and learns of what is to stop; a third of the lease."""

    sweep: float = 5
    """How often all workers together look for what was lost."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            given: object = getattr(self, name)
            if isinstance(given, bool) or not isinstance(given, (int, float)):
                raise ConfigError(f"{name} must be seconds, not {type(given).__name__}")
        if not 0.05 <= self.lease <= LONGEST:
            raise ConfigError(f"lease must be from 0.05 to {LONGEST} seconds")
        if not 0 < self.beat <= self.lease / 2:
            raise ConfigError("beat must be more than 0 seconds, and at most half the lease")
        if not 0 < self.sweep <= LONGEST:
            raise ConfigError(f"sweep must be more than 0 seconds, and at most {LONGEST}")

    @property
    def lease_ms(self) -> int:
        """The lease in milliseconds."""
        return round(self.lease * 1000)

    @property
    def margin(self) -> float:
        """So long before the end of a lease a worker stops: clocks do not run quite alike."""
        return self.lease / 20

    @property
    def patience(self) -> float:
        """So long may a process say nothing until it is taken for one that hangs for good."""
        return 5 * self.lease

    @property
    def gives_up_after(self) -> float:
        """So long may the store answer nothing until a worker ends, for it cannot help itself."""
        return max(10.0, 4 * self.lease)

    @classmethod
    def of(cls, given: Profile | str) -> Profile:
        """Return a profile, or the one of that name; ConfigError if there is none."""
        for name, profile in PROFILES.items():
            if given == name:
                return profile
        if not isinstance(given, Profile):
            raise ConfigError(f"profile is a Profile, or one of {', '.join(PROFILES)}")
        return given


PROFILES = {
    "default": Profile(),
    "interactive": Profile(lease=9, beat=3, sweep=3),
    "batch": Profile(lease=120, beat=30, sweep=15),
}
