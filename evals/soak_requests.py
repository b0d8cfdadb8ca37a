"""The requests of a soak, numbered: each unlike all others, one in eight a bad one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ananke.languages import LANGUAGES

__all__ = ["Request", "request_numbered"]

_ALL = ["syntax", "imports", "types", "controlflow", "semantics"]

#: Texts before the cursor, by language; a language without one begins with nothing.
_PREFIXES: Mapping[str, str] = {
    "python": "def f{n}(a: int, b: str) -> int:\n    ",
    "typescript": "function f{n}(a: number, b: string): number {{\n    ",
    "rust": "fn f{n}(a: i64) -> i64 {{\n    ",
    "go": "package p\n\nfunc f{n}(a int) int {{\n\t",
    "kotlin": "fun f{n}(a: Int): Int {{\n    ",
    "swift": "func f{n}(a: Int) -> Int {{\n    ",
    "zig": "fn f{n}(a: i64) i64 {{\n    ",
}


@dataclass(frozen=True)
class Request:
    """A ConstraintSpec as text; `mark`: what the error of a bad one must name, else ""."""

    document: str
    mark: str = ""


def request_numbered(number: int, seed: int) -> Request:
    """Request `number`: of eight in a row two by a language's syntax, one by all domains, three by
    users' grammars, one by both, and a bad one."""
    language = LANGUAGES[number // 8 % len(LANGUAGES)]
    prefix = _PREFIXES.get(language, "").format(n=number)
    spec: dict[str, Any] = {"language": language, "context": {"prefix": prefix}}
    match number % 8:
        case 0 | 1:
            pass
        case 2:
            prefix = _PREFIXES["python"].format(n=number)
            spec = {"language": "python", "domains": _ALL, "context": {"prefix": prefix}}
            spec["contracts"] = {"functions": [{"name": f"f{number}", "post": ["result >= 0"]}]}
        case 3:
            source = f"(n{number}|[a-z]{{1,9}} ?)*\\."
            spec = {"grammar": {"kind": "regex", "source": source}}
        case 4:
            properties = {f"k{number}": {"type": "integer"}, "b": {"enum": [True, number]}}
            schema = {"type": "object", "properties": properties, "required": [*properties]}
            spec = {"grammar": {"kind": "json_schema", "source": schema}}
        case 5:
            spec["grammar"] = {"kind": "regex", "source": f"[^\\n]{{0,{20 + number % 50}}}"}
        case 6:
            spec = {"grammar": {"kind": "lark", "source": f'start: "x{number} " /[0-9 ]*/ ";"'}}
        case _:
            return random.Random(f"{seed}:request:{number}").choice(_BAD)(number)
    return Request(json.dumps(spec))


def _bad_language(number: int) -> Request:
    return Request(json.dumps({"language": f"cobol{number}"}), f"cobol{number}")


def _bad_field(number: int) -> Request:
    return Request(json.dumps({"language": "go", f"langauge{number}": 1}), f"langauge{number}")


def _bad_prefix(number: int) -> Request:
    spec = {"language": "python", "context": {"prefix": f"x = 1\n) m{number}"}}
    return Request(json.dumps(spec), f"m{number}")


def _bad_grammar(number: int) -> Request:
    source = f"start: missing{number}"
    return Request(json.dumps({"grammar": {"kind": "lark", "source": source}}), f"missing{number}")


_BAD: tuple[Callable[[int], Request], ...] = (_bad_language, _bad_field, _bad_prefix, _bad_grammar)
