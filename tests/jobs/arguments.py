"""The public face of jobs, argument by argument: see `tests/support/arguments.py`."""

from __future__ import annotations

import io
import math
from datetime import timedelta
from itertools import repeat
from typing import Any

from sessionstore import ConfigError, JobRefused, TypeRefused, ValueTooLarge
from tests.support.arguments import (
    ANYTHING,
    BUCKETS,
    COUNT,
    CURSOR,
    DURATION,
    FUNCTION,
    HALF,
    HUGE,
    ID,
    LIMIT,
    NAME,
    NO_TEXT,
    NO_VALUE,
    OWNER,
    POSITIVE,
    PREFIX,
    URL,
    Call,
    Kind,
)

__all__ = ["FACES", "LIMITS"]

BIG = "x" * 70_000


async def awaits(*_: Any) -> None: ...


SESSION = NAME
JOB = Kind([*NAME.bad, "x", "AA.x", f"ZZ.{'x' * 22}", f"AA.{'}' * 22}", "AA.../../.."])
QUEUE = Kind([*NO_TEXT, "", "a b", "{a}", "a\n", "x" * 65, "é", HALF])
NEEDED_QUEUE = Kind([None, *QUEUE.bad])
SIGNED = Kind([math.nan, math.inf, -math.inf, 1e18, -1e18, HUGE, -HUGE, timedelta.max,
               timedelta.min, "5", b"5", True, [5], 1j, object()])  # fmt: skip
PARAMETERS = Kind(
    [5, "ab", b"ab", [], [1], True, object(), {5: 1}, {None: 1}, {HALF: 1},
     *({"a": bad} for bad in NO_VALUE)],
    (ConfigError, TypeRefused),
)  # fmt: skip
LARGE = Kind([{"a": "x" * 300_000}], (JobRefused,))
MANY = Kind(
    [5, "ab", b"ab", {}, {"a": 1}, True, None, object(), *([bad] for bad in PARAMETERS.bad)],
    (ConfigError, TypeRefused),
)  # fmt: skip
TOO_MANY = Kind([[{}] * 101, repeat({}), [{"a": "x" * 100_000}] * 3], (JobRefused,))
FILES = Kind(
    [5, 0, "", "ab", b"ab", [], [1], True, object(), {5: b""}, {None: b""}, {"": b""},
     {"a\n": b""}, {HALF: b""}, {"x" * 256: b""}, {"a": 5}, {"a": None}, {"a": ["x"]},
     {"a": io.StringIO("text")}, {"a": object()}],
)  # fmt: skip
NO_FILE = Kind([{"a": "/not/there"}, {"a": "/"}], (OSError,))
STATE = Kind([*NO_TEXT, "", "over", "QUEUED", HALF])
TYPES = Kind([5, True, "result", b"result", ["other"], [5], [["log"]], [None], [HALF], object(),
              repeat("log"), iter(["log"])])  # fmt: skip
HANDLER = Kind([None, *FUNCTION.bad])
AT_END = Kind([*NO_TEXT, None, "", "wait", "CANCEL", HALF])
ERRORS = Kind([5, "ValueError", None, ValueError(), [ValueError], ("ValueError",), int, object()])
BODY = [Kind(NO_VALUE, (TypeRefused,)), Kind([BIG], (ValueTooLarge,))]
RATE = Kind([0, -1, 1e-9, 1e7, HUGE, -HUGE, math.nan, math.inf, -math.inf, True, "5", b"5", [], 1j])
WORD = Kind([*NO_TEXT, "", "a b", "1a", "a.b", "ä", "x" * 65, "a\n", None, HALF])

WHOSE = {"session": SESSION, "owner": OWNER}
GOOD = {"session": "a", "owner": "ann"}
SUBMIT: dict[str, Any] = {
    **WHOSE,
    "name": NAME,
    "parameters": [PARAMETERS, LARGE],
    "queue": QUEUE,
    "priority": SIGNED,
    "more": ANYTHING,
}

LIMITS: dict[str, Kind] = {
    "max_waiting": LIMIT,
    "max_running": LIMIT,
    "max_running_per_owner": LIMIT,
    "rate": RATE,
    "paused": Kind(["no", "yes", 0, 1, None, [], object()]),
    "other": Kind([1, None]),
}

JOBS = {
    "submit": Call(
        SUBMIT
        | {
            "delay": DURATION,
            "key": ID,
            "max_wait": POSITIVE,
            "keep": DURATION,
            "files": [FILES, NO_FILE],
        },
        GOOD | {"name": "A.B"},
    ),
    "submit_many": Call(
        {argument: bad for argument, bad in SUBMIT.items() if argument != "more"}
        | {
            "parameters": [MANY, TOO_MANY],
            "delay": DURATION,
            "max_wait": POSITIVE,
            "keep": DURATION,
        },
        GOOD | {"name": "A.B", "parameters": [{}]},
    ),
    "execute": Call(SUBMIT | {"timeout": DURATION}, GOOD | {"name": "A.B", "timeout": 0}),
    "find": Call({"id": JOB}),
    "list": Call({"session": ID, "owner": OWNER, "queue": QUEUE, "state": STATE}),
    "retry": Call({"id": JOB}),
    "adopt": Call({"id": JOB} | WHOSE, GOOD),
    "answer": Call({"id": JOB, "question": NAME, "body": BODY}, {"question": "q", "body": 1}),
    "sink": Call(
        WHOSE | {"handler": HANDLER, "types": TYPES, "user_data": ANYTHING, "after": CURSOR},
        GOOD | {"handler": print},
    ),
    "configure_queue": Call({"name": NEEDED_QUEUE, "changes": ANYTHING} | LIMITS, {"name": "q"}),
}

HANDLE = {
    "info": Call(),
    "result": Call({"timeout": DURATION}),
    "cancel": Call({"reason": NAME, "grace": DURATION}),
    "file": Call({"name": NAME}),
    "events": Call(),
}

ENGINE = {
    "__init__": Call({"name": WORD, "queue": NEEDED_QUEUE}, {"name": "A"}),
    "job": Call(
        {
            "name": WORD,
            "queue": QUEUE,
            "timeout": POSITIVE,
            "stall_timeout": POSITIVE,
            "max_wait": POSITIVE,
            "attempts": Kind([None, *COUNT.bad, 0]),
            "backoff": FUNCTION,
            "retry_on": ERRORS,
            "may_lose": Kind([*COUNT.bad, 1001, HUGE]),
            "on_logout": AT_END,
            "on_timeout": AT_END,
            "grace": DURATION,
            "keep": DURATION,
            "priority": SIGNED,
        },
        {"name": "B"},
    ),
}

WORKER = {
    "__init__": Call(
        {
            "url": URL,
            "prefix": PREFIX,
            "buckets": BUCKETS,
            "queues": Kind([None, *NO_TEXT, "default", [""], ["a b"], [5], [None], [["a"]], [HALF],
                            repeat("a"), {"a b": 1}]),
            "slots": Kind([None, *COUNT.bad, 0, 501, HUGE]),
            "profile": Kind([None, *NO_TEXT, "", "other", "DEFAULT", HALF]),
            "lifeline": Kind([-1, 1.5, True, "5", b"5", [], object()]),
        },
        {"url": "redis://127.0.0.1:1"},
    ),
}  # fmt: skip

PROFILE = {
    "__init__": Call(
        {
            "lease": Kind([None, 0, 0.01, 3601, -1, math.nan, math.inf, HUGE, True, "5", [], 1j]),
            "beat": Kind([None, 0, -1, 16, math.nan, math.inf, HUGE, True, "5", [], 1j]),
            "sweep": Kind([None, 0, -1, math.nan, math.inf, HUGE, True, "5", [], 1j]),
        }
    ),
}

FACES = {
    "Jobs": JOBS,
    "JobHandle": HANDLE,
    "Sink": {"close": Call()},
    "Engine": ENGINE,
    "Worker": WORKER,
    "Profile": PROFILE,
}
