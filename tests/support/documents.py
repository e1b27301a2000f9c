"""The documents of this project, and the programs in them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["DOCUMENTS", "FENCE", "ROOT", "program"]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def program(text: str) -> str:
    """All Python of a document, each line where it is in the document."""
    lines = [""] * text.count("\n")
    for block in FENCE.finditer(text):
        if block[1] == "python":
            first = text.count("\n", 0, block.start(2))
            code = block[2].splitlines()
            lines[first : first + len(code)] = code
    return "\n".join(lines)
