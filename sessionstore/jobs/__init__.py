"""Jobs of sessions: what engines do for them, in workers."""

from sessionstore.jobs.engine import Engine, JobDefinition, find_definition
from sessionstore.jobs.stopped import Stopped

__all__ = ["Engine", "JobDefinition", "Stopped", "find_definition"]
