"""Nothing that is printed can control the terminal, and JSON stays JSON."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessionstore.cli import output
from sessionstore.cli.output import card, line, print_json, say, sheet, table, visible
from sessionstore.store import SessionStore
from tests.house.sources import imports, in_tree, python_files, tree_of

Command = Callable[..., Any]

NASTY = {
    "red": "\x1b[31mred",
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\",
    "one-byte": "\x9b31mred\x9d0;x\x9c",
    "lines": "first\nsecond\r\nthird\rfourth\x0b\x0c\x1c\x85\u2028\u2029",
    "back": "safe\x08\x08\x08\x08evil",
    "delete": "a\x7fb\x00c",
    "bidi": "a\u202eb\u2066c\u200f\u061c",
    "unseen": "a\u200bb\ufeffc\u00add\U000e0041",
    "markup": "[bold red]x[/] [link=http://x]y[/link] :smile: [/]",
    "surrogate": "a\udcffb\ud800",
}
OWN_STYLES = re.compile(r"\x1b\[[0-9;]*m")


def unseen(text: str) -> list[str]:
    """The characters of an output that have no shape; line ends are the output's own."""
    return [mark for mark in OWN_STYLES.sub("", text) if not mark.isprintable() and mark != "\n"]


def test_what_is_seen_stays_and_everything_else_is_an_escape() -> None:
    for number in range(sys.maxunicode + 1):
        mark = chr(number)
        shown = visible(mark)
        assert shown.isprintable()
        if mark.isprintable():
            assert shown == mark
        else:
            assert shown.isascii()
            assert shown.encode().decode("unicode_escape") == mark
    assert visible("\x1b[31m a\nb é日本") == r"\x1b[31m a\nb é日本"


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("name", NASTY)
def test_each_way_to_print_shows_a_text_as_it_is_on_one_line(
    name: str, terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "200")
    text = NASTY[name]
    for write, lines in (
        (lambda: line(text), 1),
        (lambda: line(text, "dim"), 1),
        (lambda: say(text), 1),
        (lambda: table(("head",), [(text,)]), 5),
        (lambda: table(("head", "more"), [((text, "bold"), text)], right=["more"]), 5),
        (lambda: sheet([(text, text)]), 1),
        (lambda: card(text, [(text, text)], (text, (text, "red"))), 6),
    ):
        write()
        out, err = capsys.readouterr()
        said = out + err
        assert unseen(said) == []
        assert visible(text) in OWN_STYLES.sub("", said)
        assert said.count("\n") == lines
        if not terminal:
            assert "\x1b" not in said


@pytest.mark.parametrize("name", NASTY)
def test_json_is_valid_and_says_exactly_what_it_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_json({NASTY[name]: [NASTY[name]]})
    out = capsys.readouterr().out
    assert json.loads(out) == {NASTY[name]: [NASTY[name]]}
    assert unseen(out) == []
    assert out.encode()  # no half of a pair: any terminal can write it
    assert out.count("\n") == 1


def test_the_names_that_users_choose_are_shown_and_do_nothing(
    ss: Command, store: SessionStore
) -> None:
    for number, text in enumerate(NASTY.values()):
        name = "".join(mark for mark in text if mark.isprintable()).replace("{", "") or "x"
        whole = text.encode("utf-8", "ignore")  # an attribute's name has no half of a pair in it
        data = {whole.decode(): text.encode("utf-8", "replace")}
        mine = store.as_user(name, label=f"{name} {number}")
        with mine.create(f"{name}{number}", data=data) as session:
            session.list(name).append("x")
            for words in (
                ("ls",),
                ("ls", "--owner", name),
                ("show", f"{name}{number}", "--owner", name),
                ("show", f"{name}{number}", "--owner", name, "--values"),
            ):
                said = ss(*words)
                assert said.status == 0
                assert unseen(said.out + said.err) == []
                assert name in said.out
            as_json = ss("ls", "--owner", name, "--json")
            assert {row["owner"] for row in as_json.json} == {name}
            assert unseen(as_json.out) == []


@pytest.mark.parametrize("name", NASTY)
def test_words_of_the_command_line_come_back_harmless(ss: Command, name: str) -> None:
    text = NASTY[name]
    for words in (
        ("show", text),
        ("end", text),
        ("ls", "--owner", text),
        ("ls", "--pattern", text),
        ("ls", text),
        ("ls", f"--{text}"),
        ("ls", "--limit", text),
        ("params", text),
        ("params", f"{text}=1"),
        ("params", f"timeout={text}"),
        ("replay", text if "\0" not in text else "x"),
        ("end", "x", "--wait", text),
        ("end", "--owner", "x", "--reason", text),
    ):
        said = ss(*words)
        assert unseen(said.out + said.err) == [], words
        assert said.err.count("\n") <= 1, words


def test_an_unknown_command_is_one_harmless_line(cli: Command) -> None:
    for text in NASTY.values():
        said = cli(text)
        assert said.status == 2
        assert unseen(said.err) == []
        assert said.err.count("\n") == 1


def test_only_one_module_of_the_command_line_prints() -> None:
    here = Path(output.__file__)
    for path in python_files("sessionstore/cli"):
        if path == here:
            continue
        tree = tree_of(path)
        printed = [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("print", "typer.echo", "typer.secho", "sys.stdout.write")
        ]
        # Before there is anything to print with: what to install.
        first = path == here.with_name("__init__.py")
        assert len(printed) == first, f"{path.name}: {printed}"
        assert not any(name.partition(".")[0] == "rich" for _, name in imports(tree, in_tree(path)))
