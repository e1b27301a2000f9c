"""Flask-Session 0.8, its open and its save called directly: the rest of Flask is not measured.

The request is made, and its cookies are parsed, once and for all; the answers, on which the save
sets a cookie, are made beforehand. It locks nothing: of two requests, one overwrites the other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis
from flask import Flask, Request, Response
from flask_session.redis import RedisSessionInterface

from benchmarks.work import ATTRIBUTES, CHANGED, TIMEOUT, next_value

SID = "x" * 43


def flask_session(client: redis.Redis, times: int) -> Callable[[], Callable[[], None]]:
    """Return what prepares so many cycles."""
    app = Flask("benchmark")
    app.permanent_session_lifetime = timedelta(seconds=TIMEOUT)
    sessions: Any = RedisSessionInterface(app, client)
    request = Request({"HTTP_COOKIE": f"session={SID}", "SERVER_NAME": "localhost"})
    first = sessions.session_class(dict(ATTRIBUTES), sid=SID, permanent=True)
    first.modified = True
    sessions.save_session(app, first, Response())
    assert sessions.open_session(app, request)[CHANGED] == ATTRIBUTES[CHANGED]

    def prepared() -> Callable[[], None]:
        responses = [Response() for _ in range(times)]

        def cycle() -> None:
            session = sessions.open_session(app, request)
            session[CHANGED] = next_value()
            sessions.save_session(app, session, responses.pop())

        return cycle

    return prepared
