"""Jobs of sessions: submitted here, done by workers, with what they tell brought back in order.

    from sessionstore.jobs import Jobs

    jobs = Jobs(store)
    job = jobs.submit(session, "Reports.Render", rows=10)
    job.result(timeout=30)

`Jobs` is for synchronous code, `AsyncJobs` for asyncio; the names are the same.
"""

from sessionstore.jobs._events import Event
from sessionstore.jobs._infos import JobInfo, QueueInfo
from sessionstore.jobs.async_client import AsyncJobs
from sessionstore.jobs.client import Jobs
from sessionstore.jobs.engine import Engine, JobDefinition, JobOptions, find_definition
from sessionstore.jobs.handles import AsyncJobHandle, JobHandle
from sessionstore.jobs.sinks import AsyncSink, Sink
from sessionstore.jobs.stopped import Stopped

__all__ = [
    "AsyncJobHandle",
    "AsyncJobs",
    "AsyncSink",
    "Engine",
    "Event",
    "JobDefinition",
    "JobHandle",
    "JobInfo",
    "JobOptions",
    "Jobs",
    "QueueInfo",
    "Sink",
    "Stopped",
    "find_definition",
]
