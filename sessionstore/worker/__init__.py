"""The runtime of workers: `sessionstore worker MODULE`, or a `Worker` in a program of one's own."""

from sessionstore.worker._profile import Profile
from sessionstore.worker._worker import Worker

__all__ = ["Profile", "Worker"]
