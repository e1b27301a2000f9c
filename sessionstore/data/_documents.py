"""XML documents as bytes and back: lxml trees, with nothing in them that reaches out or blows up.

Bytes that are read are not trusted: no entity is expanded, no DTD loaded or even accepted, nothing
fetched; size and depth are bounded. What is to be stored is read back first, and refused unless it
comes back as it was: so what was stored can be read. lxml is the extra `sessionstore[xml]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sessionstore.errors import ConfigError, TypeRefused, UndecodableValue, ValueTooLarge

if TYPE_CHECKING:
    from lxml.etree import _ElementTree

__all__ = ["MAX_BYTES", "MAX_DEPTH", "check", "parse", "serialise", "unchecked"]

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 256  # of elements in each other


def parse(raw: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> _ElementTree:
    """Return the tree of a document.

    Args:
        raw: the document, as `serialise` gave it or anybody else.
        name: of the document, for the error.
        max_bytes: a longer one is refused.

    Raises:
        UndecodableValue: it is not well-formed, has a document type, or is too long or too deep.
        ConfigError: these are no bytes, or lxml is not installed.
    """
    etree = _lxml()
    if not isinstance(raw, (bytes, bytearray)):
        raise ConfigError(f"document {name!r} is bytes, not {type(raw).__name__}")
    if len(raw) > max_bytes:
        raise UndecodableValue(name, why=f"more than {max_bytes} bytes")
    tree, why = _read(etree, raw)
    if tree is None:
        raise UndecodableValue(name, why=why)
    return tree


def serialise(tree: _ElementTree, name: str = "document", *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a document, in UTF-8; equal trees give equal bytes.

    Args:
        tree: an ElementTree of lxml with a root.
        name: of the document, for the error.
        max_bytes: a longer one is refused.

    Raises:
        TypeRefused: it is something else, or would not come back as it is: it has a document type,
            entities, text behind its root or an `xml:id` twice, is too deep, or something in it is
            longer than a parser takes.
        ValueTooLarge: it is longer.
        ConfigError: lxml is not installed.
    """
    raw = unchecked(tree, name, max_bytes=max_bytes)
    check(raw, tree, name)
    return raw


def unchecked(tree: _ElementTree, name: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return what `serialise` does, without reading it back: enough to see whether it changed."""
    etree = _lxml()
    if not isinstance(tree, etree._ElementTree) or tree.getroot() is None:  # noqa: SLF001 - its type
        raise TypeRefused(name, type_name=type(tree).__qualname__, why="not a tree of lxml")
    if why := _why_not(etree, tree):
        raise TypeRefused(name, type_name=type(tree).__qualname__, why=why)
    # What is behind the root belongs to what the root was taken from; lxml would write it, too.
    raw: bytes = etree.tostring(tree, encoding="utf-8", xml_declaration=True, with_tail=False)
    if len(raw) > max_bytes:
        why = f"document {name!r} has"
        raise ValueTooLarge(name, size=len(raw), limit=max_bytes, why=why)
    return raw


def check(raw: bytes, tree: _ElementTree, name: str) -> None:
    """Read the bytes of a tree back, and raise TypeRefused unless that gives the same."""
    found, why = _read(_lxml(), raw)
    if found is None or any(one != other for one, other in zip_longest(_all(tree), _all(found))):
        why = why or "something in it would come back as something else"
        raise TypeRefused(name, type_name=type(tree).__qualname__, why=why)


def _read(etree: ModuleType, raw: bytes) -> tuple[_ElementTree | None, str]:
    """Return the tree of some bytes, or None and why there is none; errors of lxml quote them."""
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=False
    )
    try:
        tree = etree.ElementTree(etree.fromstring(raw, parser))
    except etree.XMLSyntaxError as error:
        kind = etree.ErrorTypes._getName(error.code, "")  # noqa: SLF001 - its names of its codes
        return None, _WHYS.get(kind) or f"not a well-formed document: {kind or error.code}"
    except (etree.LxmlError, ValueError):
        return None, "not a well-formed document"
    why = _why_not(etree, tree)
    return (None, why) if why else (tree, "")


_WHYS = {
    "DTD_ID_REDEFINED": "it has an xml:id twice",
    "DTD_XMLID_VALUE": "it has an xml:id that is no name",
    "ERR_NAME_TOO_LONG": "it has a name of more than 50,000 characters",
    "ERR_RESOURCE_LIMIT": "it has a text or the like of more than 10 MB, or is too deep",
    "ERR_COMMENT_NOT_FINISHED": "it has a comment of more than 10 MB, or one without an end",
}
"""What the codes of libxml2 mean that a tree can lead to; other codes stand for themselves."""


def _all(tree: _ElementTree) -> Iterator[tuple[Any, ...]]:
    """Yield what a document consists of, in its order."""
    root = tree.getroot()
    for at in (*root.itersiblings(preceding=True), *root.itersiblings()):
        yield at.tag, at.text or "", (at.tail or "").strip(), getattr(at, "target", "")
    for at in root.iter():
        behind = "" if at is root else at.tail or ""
        yield at.tag, at.text or "", behind, at.items(), getattr(at, "target", "")


def _why_not(etree: ModuleType, tree: _ElementTree) -> str:
    if tree.docinfo.internalDTD is not None or tree.docinfo.doctype:
        return "it has a document type"
    if not isinstance(tree.getroot().tag, str):
        return "its root is no element"
    if (tree.getroot().tail or "").strip():
        return "it has text behind its root"
    if next(tree.iter(etree.Entity), None) is not None:
        return "it has an entity"
    depth = 0
    for event, _ in etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            depth += 1
            if depth > MAX_DEPTH:
                return f"more than {MAX_DEPTH} elements in each other"
        else:
            depth -= 1
    return ""


def _lxml() -> ModuleType:
    try:
        from lxml import etree  # noqa: PLC0415 - only who has documents needs it
    except ImportError:
        raise ConfigError("XML documents need lxml; install sessionstore[xml]") from None
    module: ModuleType = etree
    return module
