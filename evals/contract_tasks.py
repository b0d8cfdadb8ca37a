"""The functions with contracts of `contracts.md`, and inputs to call them with."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

__all__ = ["DOMAINS", "Task", "TaskError", "inputs", "read_tasks", "tasks"]

FILE = Path(__file__).with_name("contracts.md")
#: What judges: all that a session has.
DOMAINS = ("syntax", "imports", "types", "controlflow", "semantics")

_SIGNATURE = re.compile(r"def (?P<name>\w+)\((?P<parameters>.*)\) -> (?P<result>.+)")
_PARAMETER = re.compile(r"(\w+): ((?:[^,\[]|\[[^\]]*\])+)")
_KINDS = ("contract", "right", "wrong")

_VALUES: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, -1, 2, 3, 4, 5, 7, 10, -3, 15, 49, 50, 90, 100, 101, 400, 1900),
    "bool": (False, True),
    "str": ("", "a", "b", "ab", "ba", "aba", "abca", "A b"),
    "None": (None,),
}
_LISTS: tuple[list[int], ...] = ([], [0], [1], [2, 1], [1, 2], [-1, 2], [1, 1, 2], [3, -1, 2])
_LARGEST_LIST, _LARGEST_ITEM = 5, 9


class TaskError(ValueError):
    """The file of tasks can't be read: the message names the line and what is wrong."""


@dataclass(frozen=True)
class Task:
    """A function, its contract, and programs that keep and break it.

    Attributes:
        signature: its first line, without the colon.
        parameters: (name, type).
        wrong: programs that break the contract.
    """

    name: str
    signature: str
    parameters: tuple[tuple[str, str], ...]
    result: str
    pre: tuple[str, ...]
    post: tuple[str, ...]
    right: str
    wrong: tuple[str, ...]

    def spec(self, domains: tuple[str, ...] = DOMAINS, prefix: str = "") -> dict[str, Any]:
        """The request for this function's text after `prefix`; it may import nothing."""
        contract = {
            "name": self.name,
            "parameters": [{"name": name, "type": type_} for name, type_ in self.parameters],
            "result": self.result,
            "pre": list(self.pre),
            "post": list(self.post),
        }
        return {
            "language": "python",
            "domains": list(domains),
            "imports": {"allow": []},
            "contracts": {"functions": [contract]},
            "context": {"prefix": prefix},
        }


@cache
def tasks() -> tuple[Task, ...]:
    """All of them."""
    return read_tasks(FILE.read_text())


def read_tasks(text: str) -> tuple[Task, ...]:
    """The tasks of a document: a heading each, and fenced blocks.

    Raises:
        TaskError: a block is missing, twice, or of no known kind.
    """
    found: list[Task] = []
    for name, blocks in _sections(text):
        by_kind = {kind: [body for one, body in blocks if one == kind] for kind in _KINDS}
        if len(by_kind["contract"]) != 1 or len(by_kind["right"]) != 1 or not by_kind["wrong"]:
            raise TaskError(f"{name}: needs one contract, one right and some wrong blocks")
        found.append(_task(name, by_kind["contract"][0], by_kind["right"][0], by_kind["wrong"]))
    return tuple(found)


def _sections(text: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    name, blocks = "", list[tuple[str, str]]()
    kind: str | None = None
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if kind is not None:
            if line == "```":
                blocks.append((kind, "".join(body)))
                kind = None
            else:
                body.append(line + "\n")
        elif line.startswith("```"):
            kind, body = line[3:], []
            if kind not in _KINDS:
                raise TaskError(f"line {number}: {kind!r} is none of {', '.join(_KINDS)}")
        elif line.startswith("## "):
            if name:
                yield name, blocks
            name, blocks = line[3:], []
    if name:
        yield name, blocks


def _task(name: str, contract: str, right: str, wrong: list[str]) -> Task:
    lines = contract.splitlines()
    found = _SIGNATURE.fullmatch(lines[0])
    if found is None or found["name"] != name:
        raise TaskError(f"{name}: its contract begins with its signature, not {lines[0]!r}")
    conditions: dict[str, list[str]] = {"pre": [], "post": []}
    for line in lines[1:]:
        kind, colon, condition = line.partition(": ")
        if not colon or kind not in conditions:
            raise TaskError(f"{name}: {line!r} is neither `pre: …` nor `post: …`")
        conditions[kind].append(condition)
    return Task(
        name,
        lines[0],
        tuple((one[1], one[2].strip()) for one in _PARAMETER.finditer(found["parameters"])),
        found["result"],
        tuple(conditions["pre"]),
        tuple(conditions["post"]),
        right,
        tuple(wrong),
    )


def inputs(task: Task, count: int, rng: random.Random) -> list[dict[str, Any]]:
    """Arguments for calls: the simplest ones, and random ones. Preconditions are not looked at."""
    names = [name for name, _ in task.parameters]
    simple = [_simple(type_) for _, type_ in task.parameters]
    listed = [dict(zip(names, values, strict=True)) for values in product(*simple)]
    if len(listed) > count // 2:
        listed = rng.sample(listed, count // 2)
    while len(listed) < count:
        listed.append({name: _random(type_, rng) for name, type_ in task.parameters})
    return listed


def _simple(type_: str) -> tuple[Any, ...]:
    if type_ == "list[int]":
        return _LISTS
    return tuple(value for one in type_.split(" | ") for value in _VALUES[one])


def _random(type_: str, rng: random.Random) -> Any:
    type_ = rng.choice(type_.split(" | "))
    if type_ == "int":
        return rng.choice([rng.randint(-5, 12), rng.randint(-120, 120)])
    if type_ == "list[int]":
        size = rng.randint(0, _LARGEST_LIST)
        return [rng.randint(-_LARGEST_ITEM, _LARGEST_ITEM) for _ in range(size)]
    if type_ == "str":
        return "".join(rng.choice("abA ") for _ in range(rng.randint(0, 6)))
    return rng.choice(_VALUES[type_])
