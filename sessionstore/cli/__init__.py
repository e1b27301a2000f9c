"""The command line: `sessionstore demo | replay | up | ls | show | end | params | worker | …`.

What it prints for you goes to stdout, what it says beside that (progress, errors) to stderr.
Exit statuses: 0; 1 if something was found wrong (an update lost, a setting to change, an app server
that crashed); 2 if it could not do what was asked, with one line that says why; 130 after Ctrl-C.
"""

import signal
import sys
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Run the command that the arguments of this process name."""
    try:
        from sessionstore.cli.app import run  # noqa: PLC0415 - typer and rich are an extra
        from sessionstore.cli.output import escape_what_the_terminal_lacks  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(
            f"sessionstore: {error.name} is not installed; the command line needs"
            ' pip install "sessionstore[cli]"',
            file=sys.stderr,
        )
        sys.exit(2)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as it is for `nohup`
            signal.signal(number, _terminated)
    escape_what_the_terminal_lacks()
    sys.exit(run(sys.argv[1:]))


def _terminated(number: int, _frame: FrameType | None) -> None:
    """Leave as after Ctrl-C, so that what was started is stopped."""
    sys.exit(128 + number)
