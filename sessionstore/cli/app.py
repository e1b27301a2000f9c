"""All commands together, and how each way of failing ends."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import sessionstore
from sessionstore.cli import jobs, server, sessions
from sessionstore.cli.options import DEFAULT_URL, PREFIX_HELP, URL_HELP, VARIABLE
from sessionstore.cli.output import line, say
from sessionstore.cli.replay.access_log import UnreadableLog
from sessionstore.cli.replay.commands import demo, replay
from sessionstore.cli.replay.load_balancer import Crashed
from sessionstore.cli.worker import worker
from sessionstore.errors import SessionStoreError

__all__ = ["app", "run"]

FOUND_WRONG = 1
COULD_NOT = 2
INTERRUPTED = 128 + signal.SIGINT

WrongUse: Any = typer.BadParameter.__base__
"""What typer raises about the command line itself."""

MAY_BE_OF_A_URL = re.compile(r":\S|@")


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
        line(sessionstore.__version__)
        raise typer.Exit


@app.callback()
def _common(
    ctx: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(help=URL_HELP, show_default=False)] = None,
    prefix: Annotated[str | None, typer.Option(help=PREFIX_HELP, show_default=False)] = None,
    version: Annotated[  # noqa: ARG001 - its callback has done it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Take the options that may come before the command; after it they count more."""
    commands: dict[str, Any] = ctx.command.commands  # type: ignore[attr-defined]
    given = {name: text for name, text in (("url", url), ("prefix", prefix)) if text is not None}
    command = str(ctx.invoked_subcommand)
    for name in given.keys() - _options(commands[command]):
        raise WrongUse(f"{command} has no option --{name}", ctx)
    defaults = {"url": os.environ.get(VARIABLE, DEFAULT_URL), **given}
    ctx.default_map = _for_each(ctx.command, defaults)


def _options(command: Any) -> set[str]:
    """Return the names of the options of a command, or of those below it."""
    below = getattr(command, "commands", {}).values()
    return {option.name for option in command.params}.union(*map(_options, below))


def _for_each(command: Any, defaults: dict[str, str]) -> dict[str, Any]:
    """Return defaults for all commands below one, as they are nested."""
    below = getattr(command, "commands", None)
    if below is None:
        return defaults
    return {name: _for_each(one, defaults) for name, one in below.items()}


app.command()(demo)
app.command()(replay)
app.command()(server.up)
app.command()(sessions.ls)
app.command()(sessions.show)
app.command()(sessions.end)
app.command()(server.params)
app.command()(server.sweep)
app.command()(server.doctor)
app.add_typer(jobs.app, name="jobs")
app.command()(worker)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return the exit status."""
    try:
        status = app(list(arguments), prog_name="sessionstore", standalone_mode=False)
    except WrongUse as error:
        if type(error).__name__ != "NoArgsIsHelpError":  # that has been printed
            _say_wrong(error)
        return COULD_NOT
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else COULD_NOT if end.code else 0
    return status if isinstance(status, int) else 0


def _say_wrong(error: Any) -> None:
    """Say what is wrong with the command line, but repeat no URL, for it may hold a password."""
    told = str(error.format_message()).rstrip(".")
    if MAY_BE_OF_A_URL.search(told):
        told = "a URL, or another word that may hold a password, is where it does not belong"
    where = error.ctx.command_path if error.ctx else "sessionstore"
    say(f"sessionstore: {told}; see {where} --help")
