"""XML documents as bytes and back: lxml trees, with nothing in them that reaches out or blows up.

Bytes that are read are not trusted: no entity is expanded, no DTD loaded or even accepted, nothing
fetched; size and depth are bounded. A document with any of this is refused when it is to be
stored, so that what was stored can be read. lxml is the extra `sessionstore[xml]`.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from sessionstore.errors import ConfigError, TypeRefused, UndecodableValue, ValueTooLarge

if TYPE_CHECKING:
    from lxml.etree import _ElementTree

__all__ = ["MAX_BYTES", "MAX_DEPTH", "parse", "serialise"]

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
        ConfigError: lxml is not installed.
    """
    etree = _lxml()
    if len(raw) > max_bytes:
        raise UndecodableValue(name, why=f"more than {max_bytes} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=False
    )
    try:
        tree = etree.ElementTree(etree.fromstring(raw, parser))
        why = _why_not(etree, tree)
    except (etree.LxmlError, SyntaxError, ValueError):
        why = "not a well-formed document"
    else:
        if not why:
            return tree
    raise UndecodableValue(name, why=why)  # not while handling: errors of lxml quote the document


def serialise(tree: _ElementTree, name: str = "document", *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a document, in UTF-8; equal trees give equal bytes.

    Args:
        tree: an ElementTree of lxml with a root.
        name: of the document, for the error.
        max_bytes: a longer one is refused.

    Raises:
        TypeRefused: it is something else, has a document type or entities, or is too deep.
        ValueTooLarge: it is longer.
        ConfigError: lxml is not installed.
    """
    etree = _lxml()
    if not isinstance(tree, etree._ElementTree) or tree.getroot() is None:  # noqa: SLF001 - its type
        raise TypeRefused(name, type_name=type(tree).__qualname__, why="not a tree of lxml")
    if why := _why_not(etree, tree):
        raise TypeRefused(name, type_name=type(tree).__qualname__, why=why)
    raw: bytes = etree.tostring(tree, encoding="utf-8", xml_declaration=True)
    if len(raw) > max_bytes:
        why = f"document {name!r} has"
        raise ValueTooLarge(name, size=len(raw), limit=max_bytes, why=why)
    return raw


def _why_not(etree: ModuleType, tree: _ElementTree) -> str:
    if tree.docinfo.internalDTD is not None or tree.docinfo.doctype:
        return "it has a document type"
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
