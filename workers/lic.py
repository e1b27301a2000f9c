"""The engine `lic`: which licences there are. How many are taken, nobody counts yet."""

from collections.abc import Mapping
from typing import Any

from sessionstore.dialects.oxsvr import Number
from sessionstore.jobs import Engine
from workers.acting import Desk, Job, refusal, refusing

__all__ = ["Licences", "licensing", "parsed"]

Licences = Mapping[str, int | None]
"""How many may use a module at a time, by its name in capitals; None: any number."""


def parsed(text: str) -> dict[str, int | None]:
    """Return licences from a text such as `ASC=10,MWC`; ValueError if it is none."""
    found: dict[str, int | None] = {}
    for word in text.replace(",", " ").split():
        name, equals, most = word.partition("=")
        if not name or (equals and not most.isdecimal()):
            raise ValueError(f"{word!r} is no licence; write NAME=NUMBER, or NAME for any number")
        found[name.upper()] = int(most) if equals else None
    return found


def licensing(desk: Desk, licences: Licences) -> Engine:
    """Return the engine for some licences."""
    lic = Engine("lic")

    def found(name: str) -> int | None:
        if name not in licences:
            raise refusal(Number.E_ACCESSDENIED, f"the module {name!r} is not licensed")
        return licences[name]

    @lic.job("CheckLicense")
    async def check_license(job: Job, Module: str, Flags: int = 0) -> dict[str, Any]:
        """Say whether modules are licensed, without taking a licence; names with commas between."""
        for name in Module.upper().split(","):
            if found(name.strip()) == 0:
                raise refusal(Number.E_ACCESSDENIED, f"nobody may use the module {name!r}")
        return {"Result": "0"}

    @lic.job("LicGetModuleInfo")
    async def lic_get_module_info(job: Job, Module: str, Flags: int = 0) -> dict[str, Any]:
        """Tell of a module: how many may use it at a time (type C), or that all may (type U)."""
        name = Module.upper()
        most = found(name)
        kind = "U" if most is None else "C"
        return {"Module": name, "LicenseType": kind, "MaxUseCount": -1 if most is None else most}

    @lic.job("LicGetGlobalInfo")
    async def lic_get_global_info(job: Job, Flags: int = 0) -> dict[str, Any]:
        """Tell which modules are licensed, and how many sessions there may be; -1: any number."""
        with refusing():
            parameters = await desk.store.parameters()
        most = parameters.max_private
        return {"Modules": ",".join(sorted(licences)), "MaxSessions": -1 if most is None else most}

    return lic
