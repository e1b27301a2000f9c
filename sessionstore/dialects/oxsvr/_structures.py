"""What a job returns besides plain values, as XML, because a parameter has nothing else for it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

__all__ = ["as_xml"]

TAG = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
UNWANTED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_xml(name: str, value: Any) -> str:
    """Return a document: a mapping has an element for each name, a list an `item` for each."""
    return ET.tostring(_element(name, value), encoding="unicode")


def _element(name: str, value: Any) -> ET.Element:
    named = {} if TAG.fullmatch(name) else {"name": _text(name)}
    made = ET.Element("item" if named else name, named)
    if isinstance(value, Mapping):
        made.extend(_element(str(key), part) for key, part in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        made.extend(_element("item", part) for part in value)
    elif value is not None:
        made.text = _text(value)
    return made


def _text(value: Any) -> str:
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return UNWANTED.sub("\N{REPLACEMENT CHARACTER}", text)
