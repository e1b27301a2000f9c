"""The engine `krn`: sessions, as far as the user of the job's session may know of them."""

from datetime import datetime
from typing import Any

from sessionstore import ABSENT, AsyncSessionStore, Conflict, SessionInfo, __version__
from sessionstore.dialects.oxsvr import Number, property_attribute
from sessionstore.jobs import Engine
from workers.acting import Desk, Job, refusal, refusing

__all__ = ["kernel"]

MOST = 1000
"""Sessions in one listing."""

PROPERTY = property_attribute("")
Plain = str | int | float | bool | bytes | datetime


def kernel(desk: Desk) -> Engine:
    """Return the engine over a store.

    `Flags` mean nothing, as documented; give 0, or none. `SessionGUID` is the id of a session; if
    that is a name, `User` says whose.
    """
    krn = Engine("krn")
    _add_sessions(krn, desk)
    _add_properties(krn, desk)
    _add_server(krn, desk)
    return krn


def _add_sessions(krn: Engine, desk: Desk) -> None:
    @krn.job("SessionEnum")
    async def session_enum(
        job: Job, Flags: int = 0, User: str = "", Pattern: str = "*", Most: int = 100
    ) -> dict[str, Any]:
        """List sessions: of a user, or all that may be seen; the ids fit a pattern."""
        acting = await desk.acting(job)
        most = min(max(Most, 0), MOST)
        rows: list[dict[str, Any]] = []
        more = False
        with refusing():
            async for info in acting.view.list(User or None, pattern=Pattern):
                if more := len(rows) == most:
                    break
                rows.append(described(info))
        return {"Count": len(rows), "More": more, "Sessions": rows}

    @krn.job("SessionGetInfo")
    async def session_get_info(
        job: Job, Flags: int = 0, SessionGUID: str = "", User: str = ""
    ) -> dict[str, Any]:
        """Tell of a session; without a GUID, of the own one."""
        acting = await desk.acting(job)
        with refusing():
            return described((await acting.view.read(SessionGUID or acting.own, User or None)).info)

    @krn.job("SessionDrop")
    async def session_drop(
        job: Job, SessionGUID: str, Flags: int = 0, User: str = ""
    ) -> dict[str, Any]:
        """End a session; if somebody has it open, when that one closes it."""
        acting = await desk.acting(job)
        with refusing():
            return {"Ended": await acting.view.delete(SessionGUID, User or None)}

    @krn.job("SessionDeleteLost")
    async def session_delete_lost(job: Job, Flags: int = 0) -> dict[str, Any]:
        """End the sessions that have timed out; for administrators."""
        acting = await desk.acting(job)
        with refusing():
            return {"Count": await acting.view.sweep()}


def _add_properties(krn: Engine, desk: Desk) -> None:
    @krn.job("SessionPropertiesEnum")
    async def session_properties_enum(
        job: Job, Flags: int = 0, SessionGUID: str = "", User: str = ""
    ) -> dict[str, Any]:
        """List the names of the properties that were set on a session."""
        acting = await desk.acting(job)
        with refusing():
            found = await acting.view.read(SessionGUID or acting.own, User or None)
        names = sorted(name.removeprefix(PROPERTY) for name in found if name.startswith(PROPERTY))
        return {"Count": len(names), "Names": names}

    @krn.job("SessionPropertiesGet")
    async def session_properties_get(
        job: Job, Name: str, Flags: int = 0, SessionGUID: str = "", User: str = ""
    ) -> dict[str, Any]:
        """Tell a property of a session."""
        acting = await desk.acting(job)
        with refusing():
            found = await acting.view.read(SessionGUID or acting.own, User or None)
        if PROPERTY + Name not in found:
            raise refusal(Number.errCollectionItemNotFound, f"there is no property {Name!r}")
        return {"Value": found[PROPERTY + Name]}

    @krn.job("SessionPropertiesSet")
    async def session_properties_set(
        job: Job, Name: str, Value: Plain, Flags: int = 0, SessionGUID: str = "", User: str = ""
    ) -> None:
        """Set a property of a session, whoever has it open."""
        acting = await desk.acting(job)
        if not Name:
            raise refusal(Number.E_INVALIDARG, "a property has a name")
        with refusing():
            await put(acting.view, SessionGUID or acting.own, User or None, PROPERTY + Name, Value)


def _add_server(krn: Engine, desk: Desk) -> None:
    @krn.job("GetServerInfo")
    async def get_server_info(job: Job, Flags: int = 0) -> dict[str, Any]:
        """Tell of the store: its version, its clock, and how many sessions the user may see."""
        acting = await desk.acting(job)
        with refusing():
            return {
                "Version": __version__,
                "ServerName": acting.view.label,
                "Time": await acting.view.now(),
                "Sessions": await acting.view.count(),
            }


def described(info: SessionInfo) -> dict[str, Any]:
    """Return what is told of a session, in the words of the table ossession as far as it goes."""
    return {
        "SessionGUID": info.id,
        "UserName": info.owner,
        "SessionStart": info.created,
        "LastActivity": info.last_activity,
        "Deadline": info.deadline,
        "Timeout": info.timeout.total_seconds(),
        "Station": info.holder or "",
    }


async def put(
    store: AsyncSessionStore, id: str, owner: str | None, name: str, value: Plain
) -> None:
    """Set an attribute at one moment, whatever it was."""
    atomic = store.atomic(id, owner, when_open="apply")
    for _ in range(100):
        old = (await store.read(id, owner)).get(name, ABSENT)
        if await atomic.set_if(name, value, old):
            return
    raise Conflict(id, fields=(name,))
