"""What the documents say is so: their code runs, prints what stands beside it, and links lead on.

The `python` blocks of a document are one program, run by an interpreter of its own. A line
`print(...)  # text` promises that text.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest

from sessionstore import AsyncSessionStore, JobFailed, Parameters, SessionStore, errors
from sessionstore.embedded import EmbeddedServer
from sessionstore.jobs import AsyncJobs, Jobs
from sessionstore.worker import Worker
from tests.support.documents import DOCUMENTS, FENCE, ROOT, program
from tests.support.servers import Cluster, Standalone, redis7

PICTURES = sorted((ROOT / "docs").glob("*.svg"))
MARKS = {"python", "console", "text"}
SAME = 12  # words in a row that no two documents share

PROMISE = re.compile(r"^\s*print\(.*\)  # (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """How the headings of a document are named in links to them."""
    headings = HEADING.findall(FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A directory for what `embedded://` keeps, with no server left in it."""
    yield tmp_path
    EmbeddedServer(tmp_path / "sessionstore").stop()


def names(path: Path) -> str:
    return path.name


with_python = [path for path in DOCUMENTS if "```python" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("document", with_python, ids=names)
def test_the_code_of_a_document_prints_what_it_promises(document: Path, home: Path) -> None:
    source = program(document.read_text(encoding="utf-8"))
    ran = subprocess.run(
        (sys.executable, "-W", "error", "-"),
        input=source,
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == PROMISE.findall(source)
    assert not ran.stderr


def test_the_documents_that_show_code_are_among_those_run() -> None:
    assert {"README.md", "guide.md"} <= {path.name for path in with_python}


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_block_says_what_it_is(document: Path) -> None:
    marks = {block[1] for block in FENCE.finditer(document.read_text(encoding="utf-8"))}
    assert marks <= MARKS


@pytest.mark.parametrize("document", DOCUMENTS, ids=names)
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        if link.startswith("https://"):
            continue
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        if target.exists() and not anchor:
            continue
        if not target.exists() or anchor not in anchors(target.read_text(encoding="utf-8")):
            broken.append(link)
    assert not broken


def runs_of_words(document: Path) -> set[str]:
    """All that stands in the prose of a document, as overlapping runs of `SAME` words."""
    words = re.findall(r"[\w'’]+", FENCE.sub("", document.read_text(encoding="utf-8")).lower())
    return {" ".join(words[at : at + SAME]) for at in range(len(words) - SAME + 1)}


def test_a_paragraph_stands_in_one_document_and_others_link_to_it() -> None:
    documents = [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "sessionstore" / "lua" / "README.md"]
    told = {path.relative_to(ROOT).as_posix(): runs_of_words(path) for path in documents}
    twice = {pair: told[pair[0]] & told[pair[1]] for pair in combinations(told, 2)}
    assert not {pair: sorted(runs) for pair, runs in twice.items() if runs}


@pytest.mark.parametrize("picture", PICTURES, ids=names)
def test_a_picture_stands_on_its_own(picture: Path) -> None:
    """It is well-formed, says what it shows, has a background and needs nothing from elsewhere."""
    text = picture.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - it is our own file
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert "viewBox" in root.attrib
    assert not re.search(r'href="(?!#)', text)  # a shape of its own may be used twice
    assert any(picture.name in document.read_text(encoding="utf-8") for document in DOCUMENTS)


def table(document: str, heading: str) -> dict[str, list[str]]:
    """The rows of the first table below a heading, by the code in their first cell."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    return {re.findall(r"`(\w+)`", row[0])[0]: [cell.strip() for cell in row] for row in rows}


def test_the_guide_has_advice_for_every_error() -> None:
    told = set(table("guide.md", "Errors, and what to do about each"))
    assert told == set(errors.__all__) - {"SessionStoreError"}


def test_the_table_of_parameters_is_that_of_the_code() -> None:
    told = table("operations.md", "Parameters")
    assert list(told) == [field.name for field in fields(Parameters)]
    for name, (_, default, *_) in told.items():
        value = getattr(Parameters(), name)
        shown = f"{value.total_seconds():g} s" if isinstance(value, timedelta) else str(value)
        assert default.partition(" (")[0].strip("`") == shown, name


def test_the_table_of_keys_is_that_of_the_code() -> None:
    code = (ROOT / "sessionstore" / "_core" / "keys.py").read_text(encoding="utf-8")
    document = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    kinds = set(re.findall(r"^    \{P:B\}(\w+)", code, re.MULTILINE))
    assert kinds == set(re.findall(r"^\| `\{P:BB\}(\w+)", document, re.MULTILINE))


def acl(after: str) -> list[str]:
    """The rules of the ACL example: its first block below a heading, without the user's name."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rules = FENCE.search(text.partition(f"\n## {after}\n")[2])
    assert rules is not None
    words = rules[2].replace("\\\n", " ").split()
    return words[3:]


def commands_of_the_scripts() -> set[str]:
    texts = (path.read_text() for path in (ROOT / "sessionstore" / "lua").rglob("*.lua"))
    return {name.lower() for text in texts for name in re.findall(r"redis\.call\('(\w+)'", text)}


def test_the_acl_example_grants_what_the_scripts_call() -> None:
    own = {"hello", "auth", "ping", "client|setname", "client|setinfo", "info", "evalsha", "eval"}
    cluster = {"cluster|slots", "command"}
    waiting = {"blpop", "ssubscribe", "sunsubscribe"}
    needed = commands_of_the_scripts() | own | cluster | waiting
    granted = {rule[1:] for rule in acl("Permissions") if rule.startswith("+")}
    assert not needed - granted, "add these to the ACL example in docs/operations.md"
    assert not granted - needed, "the ACL example in docs/operations.md need not have these"


def use(url: str) -> None:
    """Do a bit of everything that needs its own commands."""
    with SessionStore.connect(url) as store:
        store.configure(max_per_owner=2, max_private=3, at_limit="evict", max_timeout=600)
        session = store.create(owner="*")
        session.close()
        for _ in range(4):  # the last two evict the first two
            session = store.create(owner="alice", data={"cart": ["tea"]})
            session["cart"].append("milk")
            session.close()
        with store.open(session.id, wait=1) as session:
            del session["cart"]
        with store.open(session.id, mode="shared") as session:
            session["theme"] = "dark"
        with store.open(session.id) as session:
            session.save()
            session.renew()
            session.close(owner="bob")
        store.touch(session.id)
        assert store.count() == len(list(store.list()))
        assert store.delete(session.id)
        jobs = Jobs(store)
        session = store.create(owner="alice", open=False)
        with jobs.sink(session, lambda *_: None):
            job = jobs.submit(session, "Reports.Render", key="one", files={"a": b"x"})
            job.cancel()
            assert job.file("a") == b"x"
            assert jobs.list(session)
        jobs.configure_queue("default", max_running=5)
        do_jobs(url)
        store.end_all("alice")
        store.sweep()
        assert list(store.events())
        store.configure(max_private=None)


def do_jobs(url: str) -> None:
    """Work for a moment, on what there is."""

    async def work() -> None:
        worker = Worker(url)
        working = asyncio.create_task(worker.run())
        async with AsyncSessionStore.connect(url) as store:
            session = await store.create(owner="alice", open=False)
            with pytest.raises(JobFailed, match="unknown-job"):
                await AsyncJobs(store).execute(session, "No.Such", timeout=30)
        worker.stop()
        await working

    asyncio.run(work())


def rules_for(server: Standalone) -> list[str]:
    """The example as it is, but for what the server is too old to know; see the note there."""
    old = server.info("server")["redis_version"].startswith("7.0")
    return [rule for rule in acl("Permissions") if not (old and rule == "+client|setinfo")]


@pytest.mark.parametrize("engine", ["newest", "oldest"])
def test_the_acl_example_suffices(engine: str, tmp_path: Path) -> None:
    binary = redis7() if engine == "oldest" else None
    if engine == "oldest" and binary is None:
        pytest.skip("no redis-server 7.0 on this machine")
    with Standalone(binary, tmp_path / "server") as server:
        server.ask("ACL", "SETUSER", "shop", *rules_for(server))
        use(f"redis://shop:secret@127.0.0.1:{server.port}")
        for refused in ("FLUSHALL", "KEYS *", "CONFIG GET *", "SCRIPT FLUSH", "FUNCTION FLUSH"):
            assert "no permissions" in server.ask("ACL", "DRYRUN", "shop", *refused.split())
        foreign = server.ask("ACL", "DRYRUN", "shop", "EVAL", "return 1", "1", "elsewhere")
        assert "no permissions" in foreign


@pytest.mark.slow
def test_the_acl_example_suffices_in_a_cluster(tmp_path: Path) -> None:
    with Cluster(tmp_path, replicas=0) as cluster:
        for node in cluster.nodes:
            node.ask("ACL", "SETUSER", "shop", *rules_for(node))
        use(cluster.url.replace("://", "://shop:secret@"))
