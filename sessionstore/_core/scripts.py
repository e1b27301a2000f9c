"""The Lua scripts: read once from package data, with the fragments that they need pasted in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Script", "load", "names"]

FOLDER = resources.files("sessionstore") / "lua"
PARTS = "parts"
USE = re.compile(r"( *)--@use (\w+)")

Fragments = tuple[tuple[int, str], ...]
"""What may be called at a line: how deep each fragment stands, and its name."""


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
    """Return the script of that name, with all fragments that it and they need."""
    lines, _ = _expanded(_texts()[name].splitlines(), (), "")
    return _script(name, "\n".join(lines) + "\n")


def names() -> list[str]:
    """Return the names of all scripts."""
    return sorted(_texts())


@cache
def _without_shebang(script: Script) -> Script:
    return _script(script.name, script.text.split("\n", 1)[1])


def _expanded(lines: Iterable[str], there: Fragments, margin: str) -> tuple[list[str], Fragments]:
    """Paste a fragment where it is named first, with those that it needs, and only there.

    A fragment is there until the block ends in which it stands, which the margin tells. So what is
    named inside of a branch is made only when the script takes that branch.
    """
    pasted: list[str] = []
    for line in lines:
        depth = len(margin) + len(line) - len(line.lstrip(" "))
        if line:
            there = tuple(at for at in there if at[0] <= depth)
        use = USE.fullmatch(line)
        if use is None:
            pasted.append(margin + line if line else line)
        elif use[2] not in {name for _, name in there}:
            fragment = _fragment(use[2])
            inner, there = _expanded(fragment, there, margin + use[1])
            pasted += inner
            there = (*there, (depth, use[2]))
    return pasted, there


@cache
def _texts() -> dict[str, str]:
    """Return the texts of all scripts by name, whatever their folders."""
    return {
        file.name.removesuffix(".lua"): file.read_text("utf-8")
        for folder in FOLDER.iterdir()
        if folder.is_dir() and folder.name != PARTS
        for file in folder.iterdir()
        if file.name.endswith(".lua")
    }


@cache
def _fragment(name: str) -> list[str]:
    return (FOLDER / PARTS / f"{name}.lua").read_text("utf-8").splitlines()


def _script(name: str, text: str) -> Script:
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
