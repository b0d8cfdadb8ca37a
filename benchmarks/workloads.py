"""What the peers are measured on: a JSON schema and a small language, with texts of each."""

from __future__ import annotations

import json
import random

__all__ = ["EBNF", "LARK", "SCHEMA", "json_texts", "program_texts"]

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "active": {"type": "boolean"},
        "ratio": {"type": "number"},
        "kind": {"enum": ["alpha", "beta", "gamma"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "owner": {
            "type": "object",
            "properties": {"login": {"type": "string"}, "age": {"type": ["integer", "null"]}},
            "required": ["login", "age"],
            "additionalProperties": False,
        },
        "events": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"at": {"type": "integer"}, "text": {"type": "string"}},
                "required": ["at", "text"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["id", "name", "active", "ratio", "kind", "tags", "owner", "events"],
    "additionalProperties": False,
}

#: A small imperative language, without optional white space so that both notations agree exactly.
LARK = r"""
start: statement+
statement: "let " NAME " = " sum ";\n"
         | "print(" sum ");\n"
         | "if (" sum ") {\n" statement* "}\n"
         | "while (" sum ") {\n" statement* "}\n"
sum: product ((" + " | " - " | " < ") product)*
product: atom ((" * " | " / ") atom)*
atom: NUMBER | NAME | STRING | call | "(" sum ")"
call: NAME "(" (sum (", " sum)*)? ")"
NAME: /[a-z][a-z0-9_]*/
NUMBER: /[0-9]+(\.[0-9]+)?/
STRING: /"[^"\\\n]*"/
"""

EBNF = r"""
root ::= statement+
statement ::= "let " name " = " sum ";\n"
            | "print(" sum ");\n"
            | "if (" sum ") {\n" statement* "}\n"
            | "while (" sum ") {\n" statement* "}\n"
sum ::= product ((" + " | " - " | " < ") product)*
product ::= atom ((" * " | " / ") atom)*
atom ::= number | name | string | call | "(" sum ")"
call ::= name "(" (sum (", " sum)*)? ")"
name ::= [a-z] [a-z0-9_]*
number ::= [0-9]+ ("." [0-9]+)?
string ::= "\"" [^"\\\n]* "\""
"""

_WORDS = (
    "value",
    "total",
    "index",
    "count",
    "result",
    "buffer",
    "offset",
    "width",
    "height",
    "rate",
)


def json_texts(count: int, seed: int) -> list[bytes]:
    """Documents of `SCHEMA`, about 1 KB each, written without spaces."""
    rng = random.Random(seed)
    return [_document(rng) for _ in range(count)]


def _sentence(rng: random.Random) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(rng.randrange(2, 9)))


def _document(rng: random.Random) -> bytes:
    value = {
        "id": rng.randrange(10**6),
        "name": _sentence(rng),
        "active": rng.random() < 0.5,
        "ratio": round(rng.random() * 100, 3),
        "kind": rng.choice(["alpha", "beta", "gamma"]),
        "tags": [rng.choice(_WORDS) for _ in range(rng.randrange(6))],
        "owner": {"login": rng.choice(_WORDS), "age": rng.choice([None, 17, 41])},
        "events": [
            {"at": rng.randrange(10**9), "text": _sentence(rng)}
            for _ in range(rng.randrange(2, 14))
        ],
    }
    return json.dumps(value, separators=(",", ":")).encode()


def program_texts(count: int, seed: int) -> list[bytes]:
    """Programs of the small language, about 1 KB each."""
    rng = random.Random(seed)
    return ["".join(_statement(rng, 3) for _ in range(12)).encode() for _ in range(count)]


def _statement(rng: random.Random, depth: int) -> str:
    kind = rng.randrange(4 if depth else 2)
    if kind == 0:
        return f"let {rng.choice(_WORDS)} = {_sum(rng, 2)};\n"
    if kind == 1:
        return f"print({_sum(rng, 2)});\n"
    word = "if" if kind == 2 else "while"
    body = "".join(_statement(rng, depth - 1) for _ in range(rng.randrange(3)))
    return f"{word} ({_sum(rng, 1)}) {{\n{body}}}\n"


def _sum(rng: random.Random, depth: int) -> str:
    operators = [" + ", " - ", " < ", " * ", " / "]
    parts = [_atom(rng, depth)]
    for _ in range(rng.randrange(3)):
        parts += [rng.choice(operators), _atom(rng, depth)]
    return "".join(parts)


def _atom(rng: random.Random, depth: int) -> str:
    match rng.randrange(5 if depth else 3):
        case 0:
            return str(rng.randrange(1000))
        case 1:
            return rng.choice(_WORDS)
        case 2:
            return f'"{_sentence(rng)}"'
        case 3:
            arguments = ", ".join(_sum(rng, depth - 1) for _ in range(rng.randrange(3)))
            return f"{rng.choice(_WORDS)}({arguments})"
        case _:
            return f"({_sum(rng, depth - 1)})"
