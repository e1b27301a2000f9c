"""Every script compiles on every engine, and its parts are all there."""

from __future__ import annotations

from typing import Any

import pytest

from sessionstore._core import scripts
from tests.support.worlds import World

NAMES = scripts.names()


@pytest.mark.needs("flags")
def test_a_real_server_takes_every_script(world: World) -> None:
    for name in NAMES:
        script = scripts.load(name)
        loaded: Any = world.raw.script_load(script.text)
        assert (loaded.decode() if isinstance(loaded, bytes) else loaded) == script.sha


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_whole(name: str) -> None:
    script = scripts.load(name)
    assert script.text.startswith("#!lua")
    assert "--@use" not in script.text
    plain = script.without_shebang()
    assert plain.text == script.text.partition("\n")[2]
    assert plain.sha != script.sha
    assert scripts.load(name) is script
