"""A login of a user: one thread of the Online, with one session open at most."""

from __future__ import annotations

from typing import Self

from sessionstore.dialects.soul._longstrings import LongstringFunctions
from sessionstore.dialects.soul._objects import ObjectFunctions
from sessionstore.dialects.soul._sessions import SessionFunctions

__all__ = ["Thread"]


class Thread(SessionFunctions, LongstringFunctions, ObjectFunctions):
    """A logged-in user, who does one thing at a time; `Online.login` makes it.

    As a context manager it logs out at the end, and so closes the session that is open.
    """

    def logout(self) -> None:
        """Log out: the session that is open is closed, and what was global is gone.

        Logging out twice does nothing. Raises what the close of the session raises; the thread
        has logged out all the same.
        """
        if not self._logged_in:
            return
        self._logged_in = False
        self._forget_lists()
        self._leave(self.number)
        self._close_at_logout()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.logout()

    def __repr__(self) -> str:
        session = self.open_session
        what = "no session" if session is None else repr(session)
        return f"<Thread {self.number} of {self.userid!r}: {what}>"
