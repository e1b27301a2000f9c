"""What the house tests read: the files of this project, and what a Python file imports."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

__all__ = [
    "ROOT",
    "imports",
    "in_tree",
    "module_name",
    "ours",
    "project_files",
    "python_files",
    "tree_of",
]

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "sessionstore"
MADE_BY_TOOLS = {"build", "dist", "node_modules", "__pycache__"}
SHOWN_HIDDEN = {".ci", ".github"}


def project_files() -> list[Path]:
    """Every file that is, or could be, in version control; what tools made is left out."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        if listed.returncode == 0:
            names = listed.stdout.decode("utf-8", "surrogateescape").split("\0")
            return sorted(path for name in names if name and (path := ROOT / name).is_file())
    return sorted(path for path in ROOT.rglob("*") if path.is_file() and _kept(path))


def _kept(path: Path) -> bool:
    folders = path.relative_to(ROOT).parts[:-1]
    return not any(
        part in MADE_BY_TOOLS
        or part.endswith(".egg-info")
        or (part.startswith(".") and part not in SHOWN_HIDDEN)
        for part in folders
    )


def python_files(folder: str) -> list[Path]:
    """The Python files under a folder of this project; none if there is no such folder."""
    return sorted((ROOT / folder).rglob("*.py"))


def in_tree(path: Path) -> str:
    """How a file is called in messages, and in tables of rules."""
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path: str) -> str:
    """The dotted name of a file of this project; a package is named by its `__init__.py`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(tree: ast.Module, path: str) -> list[tuple[int, str]]:
    """(line, dotted name) of all that a file imports, inside functions and for types too.

    `from a import b` counts as `a.b`: whether b is a module or a name in one is told by `ours`.
    """
    package = module_name(path).split(".")
    if not path.endswith("/__init__.py"):
        package.pop()
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def ours(name: str) -> bool:
    """Whether a dotted name is one of this project's package."""
    return name == PACKAGE or name.startswith(PACKAGE + ".")
