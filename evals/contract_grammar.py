"""The shape of sampled functions: a user's grammar over a task's own names.

Programs drawn from all of Python say little about a contract: most use names that aren't there.
This grammar has the statements and operators that the semantics domain claims to follow, in two
levels of blocks, over the parameters and two locals.
"""

from __future__ import annotations

from collections.abc import Iterable

from evals.contract_tasks import Task

__all__ = ["grammar_of"]

_LOCALS = ("a", "b")

_GRAMMAR = r"""
start: "    a = " begin "\n    b = " begin "\n" line* "    return " result "\n"
begin: constant @BEGINS
line: "    " simple "\n" | branch | loop
branch: "    if " test ":\n" inner+ ("    else:\n" inner+)?
loop: "    for v in " source ":\n" round+ | "    while " test ":\n" inner+
round: inner | "        a += v\n" | "        b = max(b, v)\n"
inner: "        " simple "\n" | "        if " test ":\n            " (simple | "break") "\n"
simple: "return " result | local " = " number | number_name " += " number
    | "assert " test
result: @RESULT
number: number_name | constant | atom operator atom | "abs(" atom ")" | "max(" atom ", " atom ")"
    | "min(" atom ", " atom ")" @NUMBERS
atom: number_name | constant | "(" number_name operator constant ")" | "-" number_name
    | "min(" number_name ", " number_name ")" | "max(" number_name ", " number_name ")"
constant: "0" | "1" | "2" | "-1"
operator: " + " | " - " | " * " | " // " | " % "
test: atom comparison atom | "not " condition | condition " and " condition
condition: atom comparison atom @TESTS
comparison: " < " | " <= " | " == " | " != " | " > " | " >= "
source: "range(" atom ")" | "range(1, " atom ")" @SOURCES
text: @TEXTS | "\"a\""
list: @LISTS | "[" number "]"
local: @LOCALS
number_name: local @BEGINS
"""


def grammar_of(task: Task) -> str:
    """The Lark grammar of the task's bodies, each of whole lines."""
    names = {
        kind: [name for name, type_ in task.parameters if kind in type_.split(" | ")]
        for kind in ("int", "bool", "str", "list[int]")
    }
    sequences = [*names["str"], *names["list[int]"]]
    results = {
        "int": "number",
        "bool": 'test | "True" | "False"',
        "str": 'text | text " + " text | text "[:" atom "]"',
        "list[int]": 'list | list " + " list | list "[1:]" | "sorted(" list ")"',
        "tuple[int, int]": 'number ", " number',
        "None": '"None"',
    }
    parts = {
        "RESULT": " | ".join(results[one] for one in task.result.split(" | ")),
        "NUMBERS": _also(f'"len({name})"' for name in sequences)
        + _also(f'"{name}[" atom "]"' for name in names["list[int]"])
        + _also(f'"sum({name})"' for name in names["list[int]"]),
        "TESTS": _also(f'"{name}"' for name in [*names["bool"], *sequences])
        + _also(f'atom " in {name}"' for name in names["list[int]"])
        + _also(f'"{name}.startswith(" text ")"' for name in names["str"]),
        "SOURCES": _also(f'"{name}"' for name in names["list[int]"]),
        "TEXTS": _choice(names["str"], '""'),
        "LISTS": _choice(names["list[int]"], "[]"),
        "LOCALS": _choice(_LOCALS, ""),
        "BEGINS": _also(f'"{name}"' for name in names["int"]),
    }
    text = _GRAMMAR
    for name, part in parts.items():
        text = text.replace(f"@{name}", part)
    return text


def _also(alternatives: Iterable[str]) -> str:
    return "".join(f" | {one}" for one in alternatives)


def _choice(names: Iterable[str], otherwise: str) -> str:
    quoted = [f'"{name}"' for name in names]
    return " | ".join(quoted or ['"' + otherwise.replace('"', '\\"') + '"'])
