"""Nothing here depends on the machine it was written on: no registry, no private path, no download.

What is installed comes from where the user's own tools are set to look.
"""

from __future__ import annotations

import re

import pytest

from tests.house.sources import in_tree, project_files

# Written so that no pattern matches its own text.
REGISTRIES = (
    r"pypi\.(?:org|python\.org)|pythonhosted\.org|conda\.anaconda\.org|npmjs\.(?:org|com)"
    r"|yarnpkg\.com|crates\.io|rubygems\.org|proxy\.golang\.org|docker\.(?:io|com)|ghcr\.io"
    r"|quay\.io|gcr\.io|(?:deb|security)\.debian\.org|archive\.ubuntu\.com|--(?:extra-)?index-url"
)
FACTS = {
    "a registry": re.compile(REGISTRIES, re.IGNORECASE),
    "a path of one machine": re.compile(r"(?<![\w.\-/}])/(?:work/|root(?:/|\b(?!-)))"),
    "a download": re.compile(
        r"https?://\S+?(?:\.(?:tar\.\w+|tgz|zip|whl|deb|rpm|exe)\b|/releases/[d]ownload/)"
        r"|\b(?:curl|wget)\b[^\n]*https?://",
        re.IGNORECASE,
    ),
}


def facts(text: str) -> list[str]:
    """`LINE: what: text` for every fact about some machine in a text."""
    return [
        f"{number}: {what}: {match.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in FACTS.items()
        for match in pattern.finditer(line)
    ]


def test_no_file_names_a_machine() -> None:
    complaints: list[str] = []
    for path in project_files():
        if path.name == "test_no_machine_facts.py":
            continue  # the examples below
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not a text
        complaints += [f"{in_tree(path)}:{fact}" for fact in facts(text)]
    assert not complaints, "\n".join(complaints)


# Put together, so that this file itself names neither.
REGISTRY, FOLDER = "pypi", "work"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"see https://{REGISTRY}.org/project/redis", "a registry"),
        ("image: ghcr.io/someone/thing", "a registry"),
        ("pip install --index-url http://mirror.example", "a registry"),
        (f"open('/{FOLDER}/main/x')", "a path of one machine"),
        ("HOME=/root", "a path of one machine"),
        ("cd /root/thing", "a path of one machine"),
        ("https://example.org/server-7.2.tar.gz", "a download"),
        ("curl -fsSL https://example.org/install | sh", "a download"),
    ],
)
def test_a_planted_fact_is_found(text: str, what: str) -> None:
    assert any(f"1: {what}: " in fact for fact in facts(text))


@pytest.mark.parametrize(
    "text",
    [
        "see https://example.org/work/in-progress",
        "`./work/` and `/rooted` and `tests/work/x`",
        "image: valkey/valkey:9-alpine",
        "read https://redis.io/docs/latest/commands/eval/",
    ],
)
def test_an_innocent_text_passes(text: str) -> None:
    assert facts(text) == []
