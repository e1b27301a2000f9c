"""Reads the contract on top of a Lua script and says where the script breaks it.

The grammar is told in `sessionstore/lua/README.md`. Every function that checks returns complaints,
one sentence each; no complaint means that the text is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = [
    "COLUMNS",
    "Header",
    "Item",
    "check_fragment",
    "check_script",
    "check_whole",
    "needs",
    "parse",
    "without_comments",
]

COLUMNS = 120

FLAGS = {"no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"}
TYPES = {"any", "hash", "list", "set", "stream", "string", "zset"}

SHEBANG = re.compile(r"#!lua(?: flags=([a-z-]+(?:,[a-z-]+)*))?")
ITEM = re.compile(r"-- (KEYS|ARGV)\[(\d+)(\.\.\.)?\] (\w+)(?:\s+(\S.*))?")
FACT = re.compile(r"-- (Derives|Returns)(?:  +(\S.*))?")
CONTINUED = re.compile(r"--   +(\S.*)")
BLANK = re.compile(r"--\s*")
SENTENCE = re.compile(r"-- ([A-Z].*)")
USE = re.compile(r"^ *--@use (\S+)$", re.MULTILINE)
DEFINITION = re.compile(r"^ *local function (\w+)\(", re.MULTILINE)
MISSPELT_USE = re.compile(r"^[^\n]*--\s*@\s*use\b[^\n]*$", re.MULTILINE | re.IGNORECASE)
BINDING = re.compile(r"^local (\w+) = .*?\b(KEYS|ARGV)\[(\d+)\]", re.MULTILINE)
MENTION = re.compile(r"\b(KEYS|ARGV)\b(?:\[\s*(\d+)\s*\])?")
PATTERN = re.compile(r"(\{[^{}\s]+\})\S*")

# A comment, long or short, or a string: what comes first wins.
TOKEN = re.compile(
    r"--\[(=*)\[.*?\]\1\]|--[^\n]*|\[(=*)\[.*?\]\2\]"
    r"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"",
    re.DOTALL,
)

FORBIDDEN = {
    "the KEYS command walks the whole server": re.compile(
        r"call\(\s*['\"]keys['\"]", re.IGNORECASE
    ),
    "a SCAN needs its COUNT": re.compile(
        r"call\(\s*['\"][hsz]?scan['\"](?![^)]*['\"]count['\"])", re.IGNORECASE
    ),
    "cmsgpack is not for payloads, which are opaque": re.compile(r"\bcmsgpack\b"),
    "bit is not everywhere": re.compile(r"(?<![.\w])bit\."),
    "struct is not everywhere": re.compile(r"(?<![.\w])struct\."),
    "error_reply would carry data of callers; reply with a status word": re.compile(
        r"\berror_reply\b"
    ),
    "loadstring makes code out of data": re.compile(r"\bloadstring\b"),
    "sha1hex: tokens are hashed by the client": re.compile(r"\bsha1hex\b"),
}


@dataclass(frozen=True)
class Item:
    """One line of the header that declares a key or an argument."""

    kind: str
    number: int
    name: str
    rest: str
    variadic: bool


@dataclass
class Header:
    """What a script declares, and what is wrong with how it does."""

    items: list[Item] = field(default_factory=list)
    derives: list[str] = field(default_factory=list)
    returns: str = ""
    end: int = 0
    complaints: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Item]:
        return [item for item in self.items if item.kind == kind]


def without_comments(text: str) -> str:
    """Lua without its comments, line for line."""
    return TOKEN.sub(lambda m: _lines(m.group()) if m.group().startswith("--") else m.group(), text)


def _code(text: str) -> str:
    """Lua without its comments and the insides of its strings, line for line."""
    return TOKEN.sub(lambda match: _lines(match.group()), text)


def _lines(text: str) -> str:
    return "\n" * text.count("\n") or " "


def needs(text: str, fragments: Mapping[str, str]) -> set[str]:
    """All fragments that the loader pastes into a text: those it names, and what they name."""
    found: set[str] = set()
    named = set(USE.findall(text))
    while named := named - found:
        found |= named
        named = {name for one in named for name in USE.findall(fragments.get(one, ""))}
    return found


def parse(text: str) -> Header:
    header = Header()
    lines = text.splitlines()
    header.complaints += _first_lines(lines)
    facts: dict[str, str] = {}
    last = ""
    for number, line in enumerate(lines[1:], start=1):
        if not line.startswith("--") or line.startswith("--@"):
            header.end = number
            break
        if item := ITEM.fullmatch(line):
            kind, index, variadic, name, rest = item.groups("")
            header.items.append(Item(kind, int(index), name, rest.strip(), bool(variadic)))
            if facts:
                header.complaints.append(f"{kind}[{index}] comes after {last}")
            last = f"{kind}[{index}]"
        elif fact := FACT.fullmatch(line):
            last, value = fact.groups("")
            if last in facts:
                header.complaints.append(f"{last} is there twice")
            facts[last] = value
        elif last in facts and (more := CONTINUED.fullmatch(line)):
            facts[last] += " " + more.group(1)
        elif re.match(r"--\s*(KEYS|ARGV|Derives|Returns)\b", line):
            header.complaints.append(f"not in the grammar: {line}")
        elif last and not CONTINUED.fullmatch(line) and not BLANK.fullmatch(line):
            header.complaints.append(f"prose belongs above the first KEYS line: {line}")
    header.derives = [part.strip() for part in facts.get("Derives", "").split(",") if part.strip()]
    header.returns = facts.get("Returns", "")
    header.complaints += [*_check_items(header), *_check_facts(header, list(facts))]
    return header


def _first_lines(lines: list[str]) -> Iterator[str]:
    shebang = SHEBANG.fullmatch(lines[0]) if lines else None
    if shebang is None:
        yield "line 1 is not `#!lua` or `#!lua flags=a,b`"
    elif unknown := set((shebang[1] or "").split(",")) - FLAGS - {""}:
        yield f"no such flag: {', '.join(sorted(unknown))}"
    yield from _check_sentence(lines[1:])


def _check_sentence(lines: list[str]) -> Iterator[str]:
    """The first comment is a sentence: a capital letter first, a full stop last."""
    prose: list[str] = []
    for line in lines:
        if not line.startswith("--") or re.match(r"--@|--\s*$", line) or ITEM.match(line):
            break
        prose.append(line)
    if not prose or not SENTENCE.fullmatch(prose[0]) or not prose[-1].rstrip().endswith("."):
        yield "what it does is missing: a sentence `-- Does this.` comes first"


def _check_items(header: Header) -> Iterator[str]:
    names = [item.name for item in header.items]
    yield from (f"two are named {name}" for name in sorted(set(names)) if names.count(name) > 1)
    kinds = [item.kind for item in header.items]
    if kinds != sorted(kinds, reverse=True):
        yield "all KEYS come before all ARGV"
    for kind in ("KEYS", "ARGV"):
        items = header.of(kind)
        if [item.number for item in items] != list(range(1, len(items) + 1)):
            yield f"{kind} are not numbered 1 to {len(items)} in order"
        yield from (f"only the last {kind} may have dots" for i in items[:-1] if i.variadic)
    if not header.of("KEYS"):
        yield "no KEYS: a script without a key cannot find its node"
    for item in header.of("KEYS"):
        pattern, _, type_name = item.rest.rpartition(" ")
        if not all(PATTERN.fullmatch(one) for one in pattern.strip().split(" or ")):
            yield f"KEYS[{item.number}] has no pattern with a tag, such as {{P:B}}s:SID"
        if type_name not in TYPES:
            yield f"KEYS[{item.number}] ends with its type, one of {', '.join(sorted(TYPES))}"
    for item in header.of("ARGV"):
        if not item.rest:
            yield f"ARGV[{item.number}] does not say what it means"
    tags = {tag for item in header.of("KEYS") for tag in _tags(item.rest)}
    if len(tags) > 1:
        yield f"one script, one slot; these are {len(tags)}: {', '.join(sorted(tags))}"


def _tags(text: str) -> list[str]:
    return re.findall(r"\{[^{}\s]+\}", text)


def _check_facts(header: Header, given: list[str]) -> Iterator[str]:
    if given != ["Derives", "Returns"]:
        yield f"the header ends with Derives, then Returns; found {', '.join(given) or 'neither'}"
    if "Returns" in given and not header.returns:
        yield "Returns says nothing"
    if "Derives" not in given or header.derives == ["none"]:
        return
    if not header.derives:
        yield "Derives says nothing; write none"
    tag = next((tag for item in header.of("KEYS") for tag in _tags(item.rest)), "")
    for pattern in header.derives:
        if not PATTERN.fullmatch(pattern) or not pattern.startswith(tag):
            yield f"derived key {pattern} does not start with the tag of KEYS[1], {tag}"


def check_script(text: str, fragments: Mapping[str, str]) -> list[str]:
    """All that is wrong with a script; `fragments` are the texts it may paste, by name."""
    header = parse(text)
    hidden = {item.name for item in header.items} & needs(text, fragments)
    return [
        *header.complaints,
        *(f"{name} is an argument, and the fragment of that name hides it" for name in hidden),
        *_check_bindings(header, _code(text)),
        *_check_uses(text, fragments),
        *_check_lines(text),
        *forbidden(text),
    ]


def _check_bindings(header: Header, code: str) -> Iterator[str]:
    bindings = [(m[2], int(m[3]), m[1]) for m in BINDING.finditer(code)]
    wanted = [(item.kind, item.number, item.name) for item in header.items if not item.variadic]
    last = {item.kind: item.number for item in header.items if item.variadic}
    found = [(k, n, name) for k, n, name in bindings if n < last.get(k, n + 1)]
    by_place = {(kind, number): name for kind, number, name in wanted}
    for kind, number, name in found:
        declared = by_place.get((kind, number))
        if declared is None:
            yield f"{kind}[{number}] is used and not declared"
        elif declared != name:
            yield f"{kind}[{number}] is declared as {declared} and bound to {name}"
    for kind, number, name in wanted:
        if (kind, number) not in {(k, n) for k, n, _ in found}:
            yield f"{kind}[{number}] {name} is not bound to a local: `local {name} = ...`"
    places = [(kind, number) for kind, number, _ in found]
    if places != sorted(set(places), key=places.index):
        yield "something is bound twice"
    order = [(item.kind, item.number) for item in header.items]
    known = [place for place in places if place in order]
    if known != sorted(known, key=order.index):
        yield "the locals are not in the order of the header"
    yield from _check_mentions(code, last)


def _check_mentions(code: str, variadic: Mapping[str, int]) -> Iterator[str]:
    """Outside of its binding a key or an argument is called by its name."""
    for number, line in enumerate(code.splitlines(), start=1):
        bound = BINDING.match(line)
        for mention in MENTION.finditer(line):
            kind, index = mention[1], mention[2]
            start = variadic.get(kind)
            if start is not None and (index is None or int(index) >= start):
                continue
            if not bound or mention.end() != bound.end():
                yield f"line {number}: {mention.group()} outside of its binding"


def _check_uses(text: str, fragments: Mapping[str, str]) -> Iterator[str]:
    """A text names the fragments that it calls itself, above the call in the same block."""
    yield from (f"misspelt: {line}" for line in MISSPELT_USE.findall(text) if not USE.match(line))
    named = list(_reaches(text, USE))
    called = list(_calls(text, fragments))
    yield from (f"no fragment {name}" for name, _ in named if name not in fragments)
    for at, (name, reach) in enumerate(named):
        if any(name == other and reach.start in there for other, there in named[:at]):
            yield f"{name} is named twice"
        if name in fragments and not any(name == other and n in reach for n, other in called):
            yield f"{name} is named and not called"
    yield from _check_reach(called, named, "named")


def check_whole(text: str, fragments: Mapping[str, str]) -> list[str]:
    """All fragments that a script calls after they were pasted out of its reach."""
    called = list(_calls(text, fragments))
    return list(_check_reach(called, list(_reaches(text, DEFINITION)), "pasted"))


def _check_reach(
    called: list[tuple[int, str]], there: list[tuple[str, range]], how: str
) -> Iterator[str]:
    for number, name in called:
        if not any(name == other and number in reach for other, reach in there):
            yield f"line {number + 1}: {name} is called and not {how} above, in this block"


def _reaches(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, range]]:
    """What stands where, by its name, and the lines from there to the end of its block."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if match := pattern.match(line):
            ends = (n for n in range(number, len(lines)) if _is_above(lines[n], line))
            yield match[1], range(number, next(ends, len(lines)))


def _is_above(line: str, other: str) -> bool:
    return bool(line.strip()) and _depth(line) < _depth(other)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _calls(text: str, fragments: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The calls of fragments: line and name."""
    for number, line in enumerate(_code(text).splitlines()):
        for match in re.finditer(r"(?<![.:\w])(?<!function )(\w+)\s*\(", line):
            if match[1] in fragments:
                yield number, match[1]


def _check_lines(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > COLUMNS:
            yield f"line {number} has {len(line)} columns, more than {COLUMNS}"


def check_fragment(name: str, text: str, fragments: Mapping[str, str]) -> list[str]:
    """All that is wrong with a fragment: one function, which knows only what it is given."""
    code = _code(text)
    complaints = [
        *_check_sentence(text.splitlines()),
        *_check_uses(text, fragments),
        *_check_lines(text),
        *forbidden(text),
    ]
    functions = re.findall(r"^local function (\w+)\(", code, re.MULTILINE)
    if functions != [name]:
        complaints.append(f"it is one `local function {name}(...)`; found {functions}")
    others = re.findall(r"^(?!local function |end\s*$)\S.*$", code, re.MULTILINE)
    complaints += [f"outside of the function: {line}" for line in others]
    complaints += [f"{word} in a fragment" for word in sorted(set(re.findall("KEYS|ARGV", code)))]
    if name in needs(text, fragments):
        complaints.append("it needs itself, perhaps by way of others")
    if text.startswith("#!"):
        complaints.append("a fragment has no `#!lua` of its own")
    return complaints


def forbidden(text: str) -> list[str]:
    code = without_comments(text)
    return [f"forbidden: {why}" for why, pattern in FORBIDDEN.items() if pattern.search(code)]
