r"""EBNF as serving engines' users write it (`root ::= ...`), translated for llguidance.

The notation: rules `name ::= body` (a body ends where the next `name ::=` begins), alternatives
with `|`, sequences by juxtaposition, `( )`, `*` `+` `?` `{n}` `{m,n}` `{m,}`, "strings" and
[classes] with the escapes `\n \r \t \\ \" \' \- \[ \] \^ \/ \xHH \uHHHH \UHHHHHHHH`, `.` for any
character, `#` comments. The grammar's start is `root`.

Such a grammar reads characters, llguidance reads *lexemes*: at each place its lexer takes the
longest match among the lexemes that may come, and never reconsiders. A rule that became a lexeme
could therefore swallow what the next rule needs (`word "x"` with word ::= [a-z]+ would never
end). Two translations keep the meaning exactly:

- no recursion below `root`: the whole grammar is one lexeme (terminals that name each other);
- otherwise every character is a lexeme of its own. All have length one, so the longest match is
  the only match, and Earley's algorithm does the rest.

Alternatives that can never end (`x ::= "a" x`) are dropped, so no prefix leads to a dead end.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Depth of parentheses and of counts on counts. llguidance's Lark reader stops near 30.
MAX_NESTING = 24

#: A counted repetition is written out by llguidance; its size is bounded by the count.
MAX_REPEAT = 10_000


class EbnfError(ValueError):
    """What is wrong with a grammar; the message names line and column."""


@dataclass(frozen=True)
class Literal:
    """A string, which may be empty."""

    text: str


@dataclass(frozen=True)
class Class:
    """One character: `body` is the inside of a regex class, code points written \\x{...}."""

    body: str


@dataclass(frozen=True)
class Ref:
    """A use of the rule `name`, `at` this place of the source."""

    name: str
    at: int


@dataclass(frozen=True)
class Sequence:
    """The parts one after another; no parts match the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """One of the options."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """`part` from `least` to `most` times; no bound if `most` is None."""

    part: Node
    least: int
    most: int | None


#: XGrammar's macros; they name tokens or dispatch on text and have no form in a plain grammar.
_MACROS = frozenset({"TagDispatch", "TokenTagDispatch", "Token", "ExcludeToken", "AnyToken"})

Node = Literal | Class | Ref | Sequence | Choice | Repeat

_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\r\n]+|\#[^\n]*)+)
      | (?P<name>[A-Za-z_][A-Za-z0-9_.-]*)
      | (?P<define>::=)
      | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
      | (?P<class>\[(?:[^\]\\\n]|\\[^\n])*\])
      | (?P<count>\{[ \t]*\d{1,9}[ \t]*(?:,[ \t]*(?:\d{1,9})?[ \t]*)?\})
      | (?P<mark>[|()*+?.])""",
    re.VERBOSE,
)
_SIMPLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}


def ebnf_to_lark(source: str) -> str:
    """Lark text (llguidance's dialect) for the same language. Raises EbnfError."""
    rules = _prune(_Parser(source).rules(), source)
    recursive = _reaches_a_cycle(rules)
    names = {name: f"{'r' if recursive else 'R'}_{at}" for at, name in enumerate(rules)}
    lines = [f"start: {names['root']}"]
    lines += [f"{names[name]}: {_write(body, names, recursive)}" for name, body in rules.items()]
    return "\n".join(lines) + "\n"


class _Parser:
    """Recursive descent over the tokens of one source text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = list(self._scan())
        self._at = 0

    def _scan(self) -> Iterator[tuple[str, str, int]]:
        position, source = 0, self._source
        while position < len(source):
            match = _TOKEN.match(source, position)
            if match is None:
                raise self._error(f"unexpected {source[position : position + 12]!r}", position)
            if match.lastgroup != "space":
                yield str(match.lastgroup), match.group(), position
            position = match.end()
        yield "end", "", position
        yield "end", "", position

    def _error(self, problem: str, position: int) -> EbnfError:
        return EbnfError(f"{problem} at {_place(self._source, position)}")

    def rules(self) -> dict[str, Node]:
        """All rules by name, in the order of the text."""
        found: dict[str, Node] = {}
        while self._tokens[self._at][0] != "end":
            kind, name, position = self._tokens[self._at]
            if kind != "name" or self._tokens[self._at + 1][0] != "define":
                raise self._error(f"expected `name ::=`, found {name!r}", position)
            if name in found:
                raise self._error(f"rule {name} is defined twice", position)
            self._at += 2
            found[name] = self._choice(0)
            kind, text, position = self._tokens[self._at]
            if kind == "mark":
                raise self._error(f"unexpected {text!r}", position)
        return found

    def _choice(self, depth: int) -> Node:
        options = [self._sequence(depth)]
        while self._tokens[self._at][:2] == ("mark", "|"):
            self._at += 1
            options.append(self._sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while (part := self._item(depth)) is not None:
            parts.append(self._repeated(part))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _item(self, depth: int) -> Node | None:
        kind, text, position = self._tokens[self._at]
        if kind == "name":
            if self._tokens[self._at + 1][0] == "define":
                return None
            self._at += 1
            if text in _MACROS and self._tokens[self._at][:2] == ("mark", "("):
                raise self._error(f"{text}(...) is not supported", position)
            return Ref(text, position)
        if kind == "string":
            self._at += 1
            return Literal("".join(char for char, _ in self._characters(text[1:-1], position + 1)))
        if kind == "class":
            self._at += 1
            return self._class(text, position)
        if kind == "mark" and text == ".":
            self._at += 1
            return Class("\\x{0}-\\x{10ffff}")
        if kind == "mark" and text == "(":
            if depth >= MAX_NESTING:
                raise self._error(f"parentheses nested deeper than {MAX_NESTING}", position)
            self._at += 1
            inner = self._choice(depth + 1)
            if self._tokens[self._at][:2] != ("mark", ")"):
                raise self._error("this ( is never closed", position)
            self._at += 1
            return inner
        if kind in ("count", "define") or (kind == "mark" and text in "*+?"):
            raise self._error(f"{text!r} has nothing before it", position)
        return None

    def _repeated(self, part: Node) -> Node:
        for depth in itertools.count():
            kind, text, position = self._tokens[self._at]
            if depth > MAX_NESTING:
                raise self._error(f"more than {MAX_NESTING} counts on one item", position)
            if kind == "mark" and text in "*+?":
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[text]
            elif kind == "count":
                low, comma, high = (piece.strip() for piece in text[1:-1].partition(","))
                least = int(low)
                most = (int(high) if high else None) if comma else least
                if (most is not None and most < least) or max(least, most or 0) > MAX_REPEAT:
                    raise self._error(
                        f"{text} is no range of counts up to {MAX_REPEAT:,}", position
                    )
            else:
                return part
            self._at += 1
            part = Repeat(part, least, most)
        raise AssertionError("unreachable: itertools.count() never ends")

    def _class(self, text: str, position: int) -> Class:
        inner = text[1:-1]
        negated = inner.startswith("^")
        chars = list(self._characters(inner[negated:], position + 1 + negated))
        body, at = "", 0
        while at < len(chars):
            low = chars[at][0]
            if at + 2 < len(chars) and chars[at + 1] == ("-", False):
                high = chars[at + 2][0]
                if high < low:
                    raise self._error(f"the range {low}-{high} is empty", position)
                body += f"{_point(low)}-{_point(high)}"
                at += 3
            else:
                body += _point(low)
                at += 1
        if not body:
            raise self._error(f"the class {text} has no characters", position)
        return Class("^" + body if negated else body)

    def _characters(self, inner: str, position: int) -> Iterator[tuple[str, bool]]:
        """(character, was it escaped) for each character that `inner` spells."""
        at = 0
        while at < len(inner):
            if inner[at] != "\\":
                yield inner[at], False
                at += 1
                continue
            letter = inner[at + 1]
            if letter in _SIMPLE_ESCAPES:
                yield _SIMPLE_ESCAPES[letter], True
                at += 2
            elif letter in _HEX_DIGITS:
                digits = inner[at + 2 : at + 2 + _HEX_DIGITS[letter]]
                if not re.fullmatch(f"[0-9A-Fa-f]{{{_HEX_DIGITS[letter]}}}", digits):
                    raise self._error(
                        f"\\{letter} needs {_HEX_DIGITS[letter]} hex digits", position
                    )
                code = int(digits, 16)
                if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                    raise self._error(f"\\{letter}{digits} is no character", position)
                yield chr(code), True
                at += 2 + len(digits)
            elif not letter.isalnum() and letter.isascii():
                yield letter, True
                at += 2
            else:
                raise self._error(f"unknown escape \\{letter}", position)


def _place(source: str, position: int) -> str:
    line = source.count("\n", 0, position) + 1
    return f"line {line}, column {position - source.rfind(chr(10), 0, position)}"


def _point(char: str) -> str:
    return f"\\x{{{ord(char):x}}}"


def _refs(node: Node) -> Iterator[Ref]:
    stack = [node]
    while stack:
        match stack.pop():
            case Ref() as ref:
                yield ref
            case Sequence(parts) | Choice(parts):
                stack.extend(parts)
            case Repeat(part, _, _):
                stack.append(part)


def _prune(rules: dict[str, Node], source: str) -> dict[str, Node]:
    """The rules that `root` needs, without the alternatives that can never end."""
    if "root" not in rules:
        raise EbnfError("no rule is named root; `root ::= ...` is where a grammar starts")
    for body in rules.values():
        for ref in _refs(body):
            if ref.name not in rules:
                raise EbnfError(f"rule {ref.name} is not defined; used at {_place(source, ref.at)}")
    ending: set[str] = set()
    while grown := {
        name for name, body in rules.items() if name not in ending and _can_end(body, ending)
    }:
        ending |= grown
    if "root" not in ending:
        raise EbnfError("root can never end: each of its alternatives needs itself")
    kept: dict[str, Node] = {}
    wanted = ["root"]
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = _without_endless(rules[name], ending)
            wanted += [ref.name for ref in _refs(kept[name])]
    return kept


def _can_end(node: Node, ending: set[str]) -> bool:
    match node:
        case Ref(name, _):
            return name in ending
        case Sequence(parts):
            return all(_can_end(part, ending) for part in parts)
        case Choice(options):
            return any(_can_end(option, ending) for option in options)
        case Repeat(part, least, _):
            return least == 0 or _can_end(part, ending)
    return True


def _without_endless(node: Node, ending: set[str]) -> Node:
    match node:
        case Sequence(parts):
            return Sequence(tuple(_without_endless(part, ending) for part in parts))
        case Choice(options):
            return Choice(
                tuple(_without_endless(o, ending) for o in options if _can_end(o, ending))
            )
        case Repeat(part, least, most):
            if not _can_end(part, ending):
                return Sequence(())
            return Repeat(_without_endless(part, ending), least, most)
    return node


def _reaches_a_cycle(rules: dict[str, Node]) -> bool:
    """Whether any rule can contain itself (Kahn's order leaves some rule over)."""
    uses = {name: {ref.name for ref in _refs(body)} for name, body in rules.items()}
    users: dict[str, list[str]] = {name: [] for name in rules}
    for name, used in uses.items():
        for other in used:
            users[other].append(name)
    open_count = {name: len(used) for name, used in uses.items()}
    ready = [name for name, count in open_count.items() if count == 0]
    done = 0
    while ready:
        name = ready.pop()
        done += 1
        for user in users[name]:
            open_count[user] -= 1
            if open_count[user] == 0:
                ready.append(user)
    return done < len(rules)


def _write(node: Node, names: dict[str, str], exploded: bool) -> str:
    """Lark text of `node`; `exploded` makes a lexeme of each character of a literal."""

    def grouped(part: Node, *plain: type) -> str:
        text = _write(part, names, exploded)
        return text if isinstance(part, plain) else f"({text})"

    match node:
        case Literal(text):
            points = [_point(char) for char in text]
            if exploded:
                return " ".join(f"/{point}/" for point in points) or '""'
            return f"/{''.join(points)}/" if points else '""'
        case Class(body):
            return f"/[{body}]/"
        case Ref(name, _):
            return names[name]
        case Sequence(parts):
            plain = (Literal, Class, Ref, Repeat, Sequence)
            return " ".join(grouped(part, *plain) for part in parts) or '""'
        case Choice(options):
            plain = (Literal, Class, Ref, Repeat, Sequence)
            return " | ".join(grouped(option, *plain) for option in options)
        case Repeat(part, least, most):
            count = f"{{{least},{'' if most is None else most}}}"
            mark = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most), count)
            return grouped(part, Class, Ref) + mark
