"""The errors are the tree that is drawn, carry their facts, and show no secret."""

from __future__ import annotations

import ast
import inspect
import pickle
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sessionstore import errors
from sessionstore.errors import SessionStoreError
from tests.house.sources import in_tree, python_files, tree_of

CLASSES = {
    name: thing
    for name, thing in vars(errors).items()
    if inspect.isclass(thing)
    and issubclass(thing, Exception)
    and thing.__module__ == errors.__name__
}

# Words that only complete the message; everything else an error is made of is a fact.
WORDING = {"doing", "message", "why"}

# A fact of each name that errors are made of.
FACTS: dict[str, object] = {
    "doing": "saving",
    "errors": ({"code": 5, "text": "no paper"},),
    "fence": 7,
    "fields": ("cart", "name"),
    "holder": "web-1",
    "id": "basket",
    "limit": 3,
    "message": "what happened; what to do",
    "path": "cart[2]",
    "reason": "timed out",
    "retry_after": 1.0,
    "size": 4,
    "type_name": "socket",
    "unknown": False,
    "until": datetime(2026, 1, 2, tzinfo=UTC),
    "user": "alice",
    "value": 5,
    "waiting": 2,
    "why": "it is damaged",
}
FACTS_OF: dict[str, dict[str, object]] = {"QuotaExceeded": {"limit": "owner"}}

SECRET = re.compile(
    r"secret|password|passwd|passphrase|token|signature|credential|cookie|payload|(?<![a-z])url",
    re.IGNORECASE,
)
SECRET_TAKEN_OFF = re.compile(r"masked|redacted|without|safe_|shown", re.IGNORECASE)

DRAWN = re.compile(r"^(?P<branch>[ │├└─]*)(?P<name>[A-Z]\w+)(?:  +(?P<text>.+))?$")


def drawn(text: str) -> list[tuple[str, str]]:
    """(class, parent) of each line of a tree, from the top down; the root's parent is nothing."""
    found: list[tuple[str, str]] = []
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = DRAWN.match(line.removeprefix("    "))
        if match is None or not line.startswith("    "):
            continue
        depth = len(match["branch"]) // 4
        above = [(level, name) for level, name in above if level < depth]
        found.append((match["name"], above[-1][1] if above else ""))
        above.append((depth, match["name"]))
    return found


def also_a(text: str) -> dict[str, set[str]]:
    """The builtin errors that a tree says a class also is: `(also a ValueError)`."""
    found = re.findall(r"^[ │├└─]*([A-Z]\w+)  .*\(also an? (\w+)\)", text, re.MULTILINE)
    return {name: {builtin} for name, builtin in found}


def make(name: str) -> SessionStoreError:
    """Return an error of the class, made of sample facts."""
    own = {**FACTS, **FACTS_OF.get(name, {})}
    args, kwargs = [], {}
    for parameter in facts_of(name):
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = own[parameter.name]
        else:
            args.append(own[parameter.name])
    error = CLASSES[name](*(args or ["what happened; what to do"]), **kwargs)
    assert isinstance(error, SessionStoreError)
    return error


def signature(name: str) -> set[str]:
    return {parameter.name for parameter in facts_of(name)}


def facts_of(name: str) -> list[inspect.Parameter]:
    cls = CLASSES[name]
    if "__init__" not in vars(cls):
        return []
    return list(inspect.signature(cls).parameters.values())


def test_the_tree_that_is_drawn_is_the_tree_of_the_classes() -> None:
    assert errors.__doc__ is not None
    tree = drawn(errors.__doc__)
    classes = [(name, own_parent(cls)) for name, cls in CLASSES.items()]
    assert tree == depth_first(classes)


def own_parent(cls: type) -> str:
    parents = [base.__name__ for base in cls.__bases__ if base.__name__ in CLASSES]
    assert len(parents) <= 1, f"{cls.__name__} is in two places of the tree"
    return "".join(parents)


def depth_first(classes: list[tuple[str, str]], parent: str = "") -> list[tuple[str, str]]:
    """Classes in the order they are defined, each followed by those below it."""
    return [
        found
        for name, above in classes
        if above == parent
        for found in [(name, above), *depth_first(classes, name)]
    ]


def test_the_builtin_errors_that_are_drawn_are_parents() -> None:
    real = {
        name: builtins
        for name, cls in CLASSES.items()
        if (builtins := {b.__name__ for b in cls.__bases__} - {*CLASSES, "Exception"})
    }
    assert also_a(errors.__doc__ or "") == real


def test_every_error_is_listed() -> None:
    assert set(errors.__all__) == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_the_error_carries_its_facts(name: str) -> None:
    error = make(name)
    own = {**FACTS, **FACTS_OF.get(name, {})}
    for parameter in facts_of(name):
        if parameter.name not in WORDING:
            assert getattr(error, parameter.name) == own[parameter.name]


@pytest.mark.parametrize("name", CLASSES)
def test_the_message_says_what_happened_and_what_to_do(name: str) -> None:
    text = str(make(name))
    assert text
    assert "\n" not in text
    assert not text.endswith(".")


@pytest.mark.parametrize("name", CLASSES)
def test_the_error_survives_the_way_to_another_process(name: str) -> None:
    """What is raised in a process pool comes back pickled; half an error would hang the pool."""
    error = make(name)
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this very line
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


@pytest.mark.parametrize("name", CLASSES)
def test_the_error_is_not_made_of_a_secret(name: str) -> None:
    assert not [p.name for p in facts_of(name) if SECRET.search(p.name)]


@pytest.mark.parametrize("path", python_files("sessionstore"), ids=in_tree)
def test_no_message_shows_a_secret(path: Path) -> None:
    complaints = [f"{in_tree(path)}:{line} shows {text}" for line, text in shown(tree_of(path))]
    assert not complaints, "\n".join(complaints)


GENERATED_ID = "AB.0123456789abcdefghijkl"


@pytest.mark.parametrize("name", [name for name in CLASSES if "id" in signature(name)])
def test_no_message_shows_a_generated_id_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it gets in."""
    monkeypatch.setitem(FACTS, "id", GENERATED_ID)
    error = make(name)
    assert GENERATED_ID not in str(error) + repr(error)
    assert vars(error)["id"] == GENERATED_ID


@pytest.mark.parametrize("path", python_files("sessionstore"), ids=in_tree)
def test_ids_are_cut_short_wherever_people_read_them(path: Path) -> None:
    complaints = [f"{in_tree(path)}:{line} shows {text}" for line, text in whole_ids(tree_of(path))]
    assert not complaints, "\n".join(complaints)


def whole_ids(tree: ast.Module) -> list[tuple[int, str]]:
    """(line, expression) of each id that stands as it is in a message or a `repr`.

    What is formatted otherwise is the name of a key, or a line of a listing that was asked for.
    """
    read = [node for node in ast.walk(tree) if isinstance(node, ast.Raise) or named(node)]
    everywhere = [
        value
        for value in ast.walk(tree)
        if isinstance(value, ast.FormattedValue) and value.conversion == ord("r")
    ]
    inside = [value for node in read for value in ast.walk(node)]
    found = {
        (value.lineno, ast.unparse(value.value))
        for value in [*everywhere, *inside]
        if isinstance(value, ast.FormattedValue)
        and re.search(r"(?:^|\.)s?id$", ast.unparse(value.value))
    }
    return sorted(found)


def named(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__repr__"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("raise E(f'no session {home.id}')", ["home.id"]),
        ("raise E(f'no session {shown(home.id)}')", []),
        ("why = f'session {id!r} is over'", ["id"]),
        ("key = f'{tag}s:{sid}'", []),
        ("def __repr__(self):\n    return f'<{self.sid}>'", ["self.sid"]),
    ],
)
def test_a_planted_id_is_found(source: str, found: list[str]) -> None:
    assert [text for _, text in whole_ids(ast.parse(source))] == found


def shown(tree: ast.Module) -> list[tuple[int, str]]:
    """(line, expression) of each secret that a message of a raised error is formatted with."""
    return [
        (value.lineno, ast.unparse(value.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        for value in ast.walk(node)
        if isinstance(value, ast.FormattedValue)
        and SECRET.search(ast.unparse(value.value))
        and not SECRET_TAKEN_OFF.search(ast.unparse(value.value))
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("raise E(f'bad token {token!r}')", ["token"]),
        ("raise E(f'cannot reach {config.url}')", ["config.url"]),
        ("raise E(f'cannot reach {without_password(url)}')", []),
        ("raise E(f'no session {id!r}, {curlew}')", []),
        ("raise E('a bad token')", []),
    ],
)
def test_a_planted_secret_is_found(source: str, found: list[str]) -> None:
    assert [text for _, text in shown(ast.parse(source))] == found


def test_a_planted_tree_is_read() -> None:
    text = """Errors.

    Root
    ├── First       one
    │   ├── Inner   two (also a KeyError)
    │   └── Other
    └── Last        three

    """
    tree = [
        ("Root", ""),
        ("First", "Root"),
        ("Inner", "First"),
        ("Other", "First"),
        ("Last", "Root"),
    ]
    assert drawn(text) == tree
    assert also_a(text) == {"Inner": {"KeyError"}}
