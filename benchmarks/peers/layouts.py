"""What others keep in the server for an empty session of a user, written as they write it.

`spring` is RedisIndexedSessionRepository of Spring Session with its default serialization (that of
the JDK, constants below): a hash that outlives the session by five minutes, an empty key whose
expiry is the session's, an entry in a set per user, and one in a set per minute of expiry.
`flask` is Flask-Session: one key with a map in msgpack, and an expiry.
"""

from __future__ import annotations

import struct
import time
import uuid
from collections.abc import Callable
from typing import Any

import msgpack
import redis

from benchmarks.work import TIMEOUT

AT_ONCE = 1000
NAME_INDEX = (
    "org.springframework.session.FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME"
)

NUMBER = (
    bytes.fromhex("7872 0010") + b"java.lang.Number" + bytes.fromhex("86ac951d0b94e08b 020000 7870")
)
LONG = (
    bytes.fromhex("aced0005 7372 000e")
    + b"java.lang.Long"
    + bytes.fromhex("3b8be490cc8f23df 02 0001 4a 0005")
    + b"value"
    + NUMBER
)
INTEGER = (
    bytes.fromhex("aced0005 7372 0011")
    + b"java.lang.Integer"
    + bytes.fromhex("12e2a0a4f7818738 02 0001 49 0005")
    + b"value"
    + NUMBER
)


def _text(value: str) -> bytes:
    return bytes.fromhex("aced0005 74") + struct.pack(">H", len(value)) + value.encode()


def spring(pipeline: Any, number: int) -> None:
    """Write a session as Spring Session does."""
    sid, user, now = str(uuid.uuid4()), f"user{number}", int(time.time() * 1000)
    minute = ((now + TIMEOUT * 1000) // 60_000 + 1) * 60_000
    pipeline.hset(
        f"spring:session:sessions:{sid}",
        mapping={
            "creationTime": LONG + struct.pack(">q", now),
            "lastAccessedTime": LONG + struct.pack(">q", now),
            "maxInactiveInterval": INTEGER + struct.pack(">i", TIMEOUT),
            f"sessionAttr:{NAME_INDEX}": _text(user),
        },
    )
    pipeline.expire(f"spring:session:sessions:{sid}", TIMEOUT + 300)
    pipeline.set(f"spring:session:sessions:expires:{sid}", "", ex=TIMEOUT)
    pipeline.sadd(f"spring:session:index:{NAME_INDEX}:{user}", _text(sid))
    pipeline.sadd(f"spring:session:expirations:{minute}", _text(f"expires:{sid}"))
    pipeline.expire(f"spring:session:expirations:{minute}", TIMEOUT + 300)


def flask(pipeline: Any, number: int) -> None:
    """Write a session as Flask-Session does; that of a signed-in user holds at least its name."""
    sid = f"{number:043d}"
    value = msgpack.packb({"_permanent": True, "user": f"user{number}"})
    pipeline.set(f"session:{sid}", value, ex=TIMEOUT)


def write(url: str, layout: Callable[[Any, int], None], sessions: int) -> None:
    """Write so many sessions."""
    with redis.Redis.from_url(url) as client:
        for first in range(0, sessions, AT_ONCE):
            with client.pipeline(transaction=False) as pipeline:
                for number in range(first, min(first + AT_ONCE, sessions)):
                    layout(pipeline, number)
                pipeline.execute()
