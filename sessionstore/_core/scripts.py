"""The Lua scripts: read once from package data, with their fragments pasted in."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Script", "load", "names"]

FOLDER = resources.files("sessionstore") / "lua"
USE = re.compile(r"^--@use (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A script as the server sees it; it is named there by the SHA-1 of its text."""

    name: str
    text: str
    sha: str

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return "no-writes" not in self.text.split("\n", 1)[0]

    def without_shebang(self) -> Script:
        """Return the same script for an engine that does not know `#!lua`."""
        return _without_shebang(self)


@cache
def load(name: str) -> Script:
    """Return the script of that name, fragments included."""
    text = (FOLDER / f"{name}.lua").read_text("utf-8")
    return _script(name, USE.sub(lambda use: _fragment(use[1]), text))


def names() -> list[str]:
    """Return the names of all scripts."""
    return sorted(
        file.name.removesuffix(".lua") for file in FOLDER.iterdir() if file.name.endswith(".lua")
    )


@cache
def _without_shebang(script: Script) -> Script:
    return _script(script.name, script.text.split("\n", 1)[1])


def _fragment(name: str) -> str:
    return (FOLDER / "parts" / f"{name}.lua").read_text("utf-8").rstrip("\n")


def _script(name: str, text: str) -> Script:
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
