"""One thread: open, change one attribute, close; beside two bare EVALSHA that do as much.

The bare pair checks the holder, takes the session and loads it; then checks the holder, saves one
field, gives it back and moves its expiry. It has no line, no leases, no limits and no events.
"""

from __future__ import annotations

import msgpack
import redis

from benchmarks.measuring import Result, alternate, rate, ratio
from benchmarks.work import ATTRIBUTES, CHANGED, next_value
from sessionstore import SessionStore
from sessionstore.embedded import EmbeddedServer

OPEN = """#!lua
local time = redis.call('TIME')
local held = redis.call('HMGET', KEYS[1], 'fence', 'holder', 'until')
if held[2] ~= '' and tonumber(held[3]) > tonumber(time[1]) then return {'HELD'} end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', time[1] + 30, 'fence', held[1] + 1)
return redis.call('HGETALL', KEYS[1])
"""
CLOSE = """#!lua
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return {'LOST'} end
redis.call('HSET', KEYS[1], 'holder', '', unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'CLOSED'}
"""


def run(quick: bool) -> Result:
    times, rounds = (300, 5) if quick else (1500, 15)
    with EmbeddedServer() as server, SessionStore.connect(server.url) as store:
        client = redis.Redis.from_url(server.url)
        first, second = client.script_load(OPEN), client.script_load(CLOSE)
        client.hset("bare", mapping={"fence": 1, "holder": "", "until": 0})
        for name, value in ATTRIBUTES.items():
            client.hset("bare", f".{name}", msgpack.packb(value))

        def bare() -> None:
            fields = iter(client.evalsha(first, 1, "bare", "me"))
            session = dict(zip(fields, fields, strict=True))
            assert session[b"holder"] == b"me"
            value = msgpack.packb(next_value())
            client.evalsha(second, 1, "bare", "me", 900_000, f".{CHANGED}", value)

        with store.create(data=ATTRIBUTES) as session:
            id = session.id

        def ours() -> None:
            with store.open(id) as session:
                session[CHANGED] = next_value()

        for work in (bare, ours):
            rate(work, times // 3)
        medians, found = alternate(
            {
                "two bare EVALSHA": lambda: rate(bare, times),
                "sessionstore": lambda: rate(ours, times),
            },
            rounds,
        )
        client.close()
    judged = ratio(found, "sessionstore", "two bare EVALSHA")
    return Result(
        "open + change + close, sync, 1 thread",
        "cycles/s",
        medians,
        judged,
        "at least 0.80 x two bare EVALSHA",
        judged >= 0.8,
    )
