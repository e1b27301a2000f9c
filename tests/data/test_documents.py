"""XML documents come back as they were; what reaches out or blows up is refused, both ways."""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from lxml import etree

from sessionstore.data.documents import MAX_DEPTH, parse, serialise
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
    assert caught.value.__cause__ is caught.value.__context__ is None


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


def with_entity() -> Any:
    root = etree.Element("a")
    root.append(etree.Entity("b"))
    return etree.ElementTree(root)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "<a/>",
        etree.Element("a"),
        etree.ElementTree(),
        tree("<!DOCTYPE a><a/>"),
        deep_tree(),
        with_entity(),
    ],
    ids=["None", "text", "element", "no root", "document type", "too deep", "entity"],
)
def test_what_could_not_be_read_again_is_not_stored(value: Any) -> None:
    with pytest.raises(TypeRefused, match=r"^order is of type"):
        serialise(value, "order")


def test_without_lxml_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "lxml":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"sessionstore\[xml\]"):
        parse(b"<a/>", "order")
