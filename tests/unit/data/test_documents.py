"""XML documents come back as they were; what reaches out or blows up is refused, both ways."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from sessionstore.data._documents import MAX_DEPTH, parse, serialise
from sessionstore.errors import ConfigError, TypeRefused, UndecodableValue, ValueTooLarge

ORDER = (
    "<?xml version='1.0' encoding='utf-8'?>\n"
    "<?style none?><!--of today--><order xmlns:s='urn:shop' s:id='1'>\n"
    "  <line>Käse &amp; Brot</line><![CDATA[<]]> tail</order>"
)


def tree(text: str) -> Any:
    return etree.ElementTree(etree.fromstring(text.encode()))


def test_a_document_comes_back_as_it_was() -> None:
    raw = serialise(tree(ORDER))
    found = parse(raw, "order")
    assert serialise(found) == raw
    assert found.getroot().findtext("line") == "Käse & Brot"
    assert found.getroot().get("{urn:shop}id") == "1"
    assert b"<!--of today-->" in raw
    assert b"<?style none?>" in raw


LAUGHS = "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '{}'>]><a>&c;</a>".format("&b;" * 1000)

REFUSED = {
    "an entity of a file": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "an entity of the network": "<!DOCTYPE a [<!ENTITY b SYSTEM 'http://x.test/'>]><a>&b;</a>",
    "a DTD": "<!DOCTYPE a SYSTEM 'http://x.test/a.dtd'><a/>",
    "a document type": "<!DOCTYPE a><a/>",
    "entities that grow": LAUGHS,
    "too deep": "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1),
    "far too deep": "<a>" * 100_000,
    "not closed": "<a>secret",
    "two": "<a/><b/>",
    "nothing": "",
    "text": "secret",
    "an unknown encoding": "<?xml version='1.0' encoding='secret'?><a/>",
    "bytes of another kind": "\x81\xa1a\x01",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=list(REFUSED))
def test_bad_bytes_are_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(UndecodableValue) as caught:
        parse(text.encode(), "order")
    assert caught.value.path == "order"
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is sys.exc_info()[1]  # nothing of its own


@pytest.mark.parametrize("raw", [None, 5, "<a/>", ["<a/>"], object()])
def test_a_document_is_bytes(raw: Any) -> None:
    with pytest.raises(ConfigError, match="'order' is bytes"):
        parse(raw, "order")


def test_a_document_may_be_as_deep_and_as_long_as_the_limit_says() -> None:
    deep = "<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH
    raw = serialise(parse(deep.encode(), "deep"), max_bytes=10_000)
    assert len(raw) > 1000
    with pytest.raises(UndecodableValue, match="more than 1000 bytes"):
        parse(raw, "deep", max_bytes=1000)
    with pytest.raises(ValueTooLarge, match="document 'deep' has") as caught:
        serialise(tree(deep), "deep", max_bytes=1000)
    assert (caught.value.size, caught.value.limit) == (len(raw), 1000)


def deep_tree() -> Any:
    root = at = etree.Element("a")
    for _ in range(MAX_DEPTH):
        at = etree.SubElement(at, "a")
    return etree.ElementTree(root)


def holding(node: Any, text: str | None = None) -> Any:
    """A document of one element with something in it, which then gets another text."""
    root = etree.Element("a")
    root.append(node)
    if text is not None:
        node.text = text
    return etree.ElementTree(root)


def twice_the_same_id() -> Any:
    root = etree.Element("a")
    for _ in range(2):
        etree.SubElement(root, "b").set("{http://www.w3.org/XML/1998/namespace}id", "secret")
    return etree.ElementTree(root)


def with_attribute(name: str, value: str) -> Any:
    root = etree.Element("a")
    root.set(name, value)
    return etree.ElementTree(root)


LONG, LONG_NAME = "x" * 10_000_001, "n" * 50_001
UNREADABLE: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "<a/>",
    "an element": lambda: etree.Element("a"),
    "no root": etree.ElementTree,
    "no element as its root": lambda: etree.ElementTree(etree.Comment("secret")),
    "a document type": lambda: tree("<!DOCTYPE a><a/>"),
    "too deep": deep_tree,
    "an entity": lambda: holding(etree.Entity("b")),
    "text behind its root": lambda: etree.ElementTree(etree.fromstring("<a><b/>secret</a>")[0]),
    "an id twice": twice_the_same_id,
    "an id that is none": lambda: with_attribute(
        "{http://www.w3.org/XML/1998/namespace}id", "no secret"
    ),
    "a long text": lambda: holding(etree.Element("b"), LONG),
    "a long attribute": lambda: with_attribute("b", LONG),
    "a long comment": lambda: holding(etree.Comment(LONG)),
    "a long instruction": lambda: holding(etree.ProcessingInstruction("b", LONG)),
    "a long namespace": lambda: holding(etree.Element(f"{{{LONG}}}b")),
    "a long name": lambda: holding(etree.Element(LONG_NAME)),
    "a long name of an attribute": lambda: with_attribute(LONG_NAME, ""),
    "a long name of an instruction": lambda: holding(etree.ProcessingInstruction(LONG_NAME)),
    "a comment that ends early": lambda: holding(etree.Comment(), "secret--secret"),
    "a comment with an element": lambda: holding(etree.Comment(), "--><secret/><!--"),
    "an instruction with an element": lambda: holding(
        etree.ProcessingInstruction("b"), "?><secret/><?c"
    ),
}


@pytest.mark.parametrize("make", UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_could_not_be_read_again_is_not_stored(make: Callable[[], Any]) -> None:
    with pytest.raises(TypeRefused, match=r"^order is of type") as caught:
        serialise(make(), "order")
    assert caught.value.why
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is sys.exc_info()[1]  # nothing of its own


STORABLE: dict[str, Callable[[], Any]] = {
    "a part of another": lambda: etree.ElementTree(tree("<a> <b>x</b>\n </a>").getroot()[0]),
    "an empty text": lambda: holding(etree.Element("b"), ""),
    "marked text": lambda: holding(etree.Element("b"), etree.CDATA("<b> & ]]")),
    "all that must be escaped": lambda: with_attribute("b", "<>&\"'\r\n\t]]>\x85\u2028"),
    "long text": lambda: holding(etree.Element("b"), "x" * 9_999_999),
    "long names": lambda: holding(etree.Element("n" * 49_999)),
    "what stands around the root": lambda: tree("<?b c?><!--d--><a/><!--e--><?f?>"),
}


@pytest.mark.parametrize("make", STORABLE.values(), ids=list(STORABLE))
def test_what_is_stored_can_be_read_and_stored_again(make: Callable[[], Any]) -> None:
    found = parse(serialise(make()), "order")
    assert list(found.getroot().iter()) != []
    assert serialise(found) == serialise(parse(serialise(found), "order"))
    texts = [[at.text or "" for at in it.getroot().iter()] for it in (make(), found)]
    assert texts[0] == texts[1]


def test_without_lxml_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "lxml":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"sessionstore\[xml\]"):
        parse(b"<a/>", "order")
