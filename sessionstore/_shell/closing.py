"""The last request of an opening that was sent: a close, a discard or a delete.

It may land although its answer does not arrive. So from the moment it is sent the session takes no
changes, and no other close is sent after it: then it does not matter which of them has landed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from sessionstore._core.keys import Home
from sessionstore._core.outcomes import is_refusal, is_unknown
from sessionstore._core.sessions import Changes
from sessionstore._shell.changeable import Unsaved

__all__ = ["AS_IT_WAS", "NOTHING", "AsAsked", "Closing"]


class AsAsked(NamedTuple):
    """The id, owner and timeout (in ms) that a close gives the session; None: as it was."""

    id: str | None = None
    owner: str | None = None
    timeout: int | None = None


AS_IT_WAS = AsAsked()
NOTHING = Unsaved(Changes(), {})


@dataclass(slots=True, eq=False)
class Closing:
    """A last request that was sent and has no answer yet."""

    kind: Literal["close", "discard", "delete"]
    asked: AsAsked = AS_IT_WAS
    """What a close was asked for."""

    unsaved: Unsaved = NOTHING
    target: tuple[Home, str] | None = None
    """Home and owner, if it moves."""

    sent: Changes | None = None
    """What goes out; the documents in it have been written where nobody sees them."""

    landed: bool | None = None
    """Whether a move has arrived, if it was asked for."""

    ticket: str = ""
    """Names the move, or the delete."""

    unknown: bool = False
    """Whether it may have landed, though there is no answer."""

    def is_same(self, kind: str, asked: AsAsked, unsaved: Unsaved) -> bool:
        """Whether this is what is asked for now."""
        now, then = unsaved.changes, self.unsaved.changes
        return (
            (kind, asked, unsaved.documents) == (self.kind, self.asked, self.unsaved.documents)
            and now.written == then.written
            and set(now.removed) == set(then.removed)
        )

    def is_refused_by(self, error: BaseException) -> bool:
        """Whether an error says that nothing has landed, of this call and of those before."""
        if self.landed is not None:
            return not self.landed
        if self.sent is None:
            return True
        return is_refusal(error) or not (is_unknown(error) or self.unknown)
