"""All commands together, and how each way of failing ends."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import sessionstore
from sessionstore.cli import replay, server, sessions
from sessionstore.cli.accesslog import UnreadableLog
from sessionstore.cli.output import out, say
from sessionstore.cli.replaying import Crashed
from sessionstore.errors import SessionStoreError

__all__ = ["app", "run"]

FOUND_WRONG = 1
COULD_NOT = 2
INTERRUPTED = 128 + signal.SIGINT


class Commands(TyperGroup):
    """Turns errors into a line on stderr and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (SessionStoreError, UnreadableLog) as error:
            say(f"sessionstore: {error}")
            raise typer.Exit(COULD_NOT) from None
        except Crashed as error:
            say(f"sessionstore: {error}")
            raise typer.Exit(FOUND_WRONG) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    help="Sessions that many app servers share and one holder has open.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        out.print(sessionstore.__version__)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


app.command()(replay.demo)
app.command()(replay.replay)
app.command()(server.up)
app.command()(sessions.ls)
app.command()(sessions.show)
app.command()(sessions.end)
app.command()(server.params)
app.command()(server.sweep)
app.command()(server.doctor)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return the exit status."""
    try:
        app(list(arguments), prog_name="sessionstore")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else COULD_NOT if end.code else 0
    return 0
