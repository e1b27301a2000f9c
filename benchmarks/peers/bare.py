"""Two bare EVALSHA: the least that an exclusive open and close of a hash can cost.

They check the holder, take the session and load it; then check the holder, save one field, give it
back and move its expiry. They have no line, no leases, no limits, no events and no answer for a
reply that was lost.
"""

from __future__ import annotations

from collections.abc import Callable

import msgpack
import redis

from benchmarks.work import ATTRIBUTES, CHANGED, next_value

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


def bare_pair(client: redis.Redis) -> Callable[[], None]:
    """Return the cycle of a session of its own."""
    first, second = client.script_load(OPEN), client.script_load(CLOSE)
    client.hset("bare", mapping={"fence": 1, "holder": "", "until": 0})
    for name, value in ATTRIBUTES.items():
        client.hset("bare", f".{name}", msgpack.packb(value))

    def cycle() -> None:
        fields = iter(client.evalsha(first, 1, "bare", "me"))
        session = dict(zip(fields, fields, strict=True))
        assert session[b"holder"] == b"me"
        value = msgpack.packb(next_value())
        client.evalsha(second, 1, "bare", "me", 900_000, f".{CHANGED}", value)

    return cycle
