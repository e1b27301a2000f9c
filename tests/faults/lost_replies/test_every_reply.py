"""Every call that changes something, with the answer to any of its script calls lost on the way:

to one server, to the primary that the sentinels name, and to any node of a cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessionstore import SessionStore, StoreUnavailable
from sessionstore._redis import connect, exchange
from tests.faults.awaited import SHELLS
from tests.faults.lost_replies import (
    closing,
    configuring,
    creating,
    ending,
    moving,
    opening,
    values_beside,
)
from tests.support.proxy import HOW, How

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.lost_replies.stage import Scene, Stage

SHORT = 0.4
"""Seconds to wait for an answer, where one is delayed."""

FILES = (creating, opening, closing, moving, values_beside, ending, configuring)
SCENES = [scene for file in FILES for scene in file.SCENES]

QUICK_TO_DELAY = (
    creating.create_named,
    opening.open_free,
    closing.save,
    closing.close,
    moving.close_under_another_id,
    ending.delete,
    closing.shared_save,
)

on_both_shells = pytest.mark.parametrize("stage", SHELLS, indirect=True)


@on_both_shells
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_call_has_one_effect_and_succeeds_whichever_reply_is_cut(
    stage: Stage, scene: Callable[[Any, SessionStore], Scene]
) -> None:
    async def play() -> None:
        await stage.play(scene, 0, "cut")  # now the server knows the scripts
        calls = await stage.play(scene, 0, "cut")
        assert calls
        for k in range(1, calls + 1):
            await stage.play(scene, k, "cut")

    stage.run(play)


@on_both_shells
@pytest.mark.parametrize("how", [how for how in HOW if how != "cut"])
@pytest.mark.parametrize("scene", QUICK_TO_DELAY, ids=lambda scene: scene.__name__)
def test_a_call_has_one_effect_and_succeeds_whichever_reply_comes_too_late(
    stage: Stage,
    scene: Callable[[Any, SessionStore], Scene],
    how: How,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (connect, exchange):
        monkeypatch.setattr(module, "ANSWER_WITHIN", SHORT)

    async def play() -> None:
        await stage.play(scene, 0, "cut")
        calls = await stage.play(scene, 0, "cut")
        for k in range(1, calls + 1):
            await stage.play(scene, k, how)

    stage.run(play)


@on_both_shells
@pytest.mark.parametrize("scene", QUICK_TO_DELAY, ids=lambda scene: scene.__name__)
def test_a_call_whose_every_reply_is_lost_says_that_its_outcome_is_unknown(
    stage: Stage, scene: Callable[[Any, SessionStore], Scene]
) -> None:
    async def play() -> None:
        call = await anext(playing := scene(stage.near, stage.plain))
        stage.proxy.lose(1, times=100)
        with pytest.raises(StoreUnavailable) as caught:
            await call()
        stage.proxy.count()
        assert caught.value.unknown
        await playing.aclose()

    stage.run(play)
