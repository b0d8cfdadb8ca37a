"""Random small Python functions with contracts, and what happens when they are called.

They use what the semantics domain follows, and the ways in which following goes wrong: lists with
two names, loops left early, names that other scopes bind, sources that are gone through once.
"""

from __future__ import annotations

import copy
import random
import sys
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

__all__ = ["Outcome", "Program", "compiled", "holds", "make_program", "run"]

_NUMBERS = ("n", "k", "a", "b")
_LISTS = ("xs", "ys", "zs")
_TEXTS = ("s", "t")
#: Lines that a call may run before it counts as endless.
_MAX_LINES = 3_000

TYPES = {"n": "int", "k": "int", "xs": "list[int]", "ys": "list[int]", "s": "str", "p": "bool"}


@dataclass(frozen=True)
class Program:
    """A module with the function `f`, whose contract is `pre` and `post`."""

    text: str
    parameters: tuple[tuple[str, str], ...]
    pre: tuple[str, ...]
    post: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """How a call of `f` ended.

    Attributes:
        kind: `returned`, `endless`, or the exception's name.
        result: what was returned.
        line: where the exception was raised, in the text.
    """

    kind: str
    result: object = None
    line: int = 0


class _EndlessError(Exception):
    pass


class _Writer:
    def __init__(self, rng: random.Random, parameters: list[str]) -> None:
        self._rng = rng
        self.names = set(parameters)

    def _of(self, *names: str) -> list[str]:
        return [one for one in names if one in self.names]

    def number(self, depth: int = 0) -> str:
        rng = self._rng
        choices = [str(rng.choice([0, 1, 2, 3, 5, -1, -2])), *self._of(*_NUMBERS) * 3]
        if depth < 2:
            a = self.number(depth + 1)
            b = self.number(depth + 1)
            lists, texts = self._of(*_LISTS), self._of(*_TEXTS)
            choices += [f"{a} + {b}", f"{a} - {b}", f"({a}) * 2", f"-({a})", f"abs({a})"]
            choices += [f"({a}) // ({b})", f"({a}) % ({b})", f"({a}) // 2", f"({a}) % 3"]
            choices += [f"max({a}, {b})", f"({a} if {self.test(depth + 1)} else {b})"]
            choices += [f"len({one})" for one in lists + texts]
            choices += [f"{one}[{rng.choice(['0', '-1', '1', a])}]" for one in lists]
            choices += [f"{call}({one})" for one in lists for call in ("sum", "min", "max")]
            choices += [f"sum(v * {b} for v in {one} if v > {a})" for one in lists]
            choices += [
                f"(a := {a})",
                f"divmod({a}, {b})[1]",
                f"int({self.test(2)})",
                f"({a}) ** 2",
            ]
            choices += [f"{one}.count({a})" for one in lists]
        return rng.choice(choices)

    def test(self, depth: int = 0) -> str:
        rng = self._rng
        op = rng.choice(["<", "<=", "==", "!=", ">", ">="])
        a, b = self.number(depth + 1), self.number(depth + 1)
        choices = [f"{a} {op} {b}"] * 4 + self._of("p")
        lists, texts = self._of(*_LISTS), self._of(*_TEXTS)
        choices += [*lists, *texts]
        choices += [f"{a} {rng.choice(['in', 'not in'])} {one}" for one in lists]
        choices += [f"{one} == {two}" for one in lists for two in lists]
        choices += [f"{one}.startswith({self.text(2)})" for one in texts]
        choices += [f"{self.text(2)} in {one}" for one in texts]
        if depth < 2:
            x, y = self.test(depth + 1), self.test(depth + 1)
            choices += [f"{x} and {y}", f"{x} or {y}", f"not ({x})", f"0 < {a} {op} {b}"]
            choices += [f"any(v {op} {a} for v in {one})" for one in lists]
            choices += [f"all(v {op} {a} for v in {one} if v)" for one in lists]
            choices += [f"any([10 // v > {a} for v in {one}])" for one in lists]
        return rng.choice(choices)

    def text(self, depth: int = 0) -> str:
        rng = self._rng
        choices = [repr(rng.choice(["", "a", "ab", "b"])), *self._of(*_TEXTS) * 3]
        if depth < 2:
            one = self.text(depth + 1)
            choices += [f"{one} + {self.text(depth + 1)}", f"({one})[1:]", f"({one})[:1]"]
            choices += [f"({one})[0]", f"({one})[-2:{self.number(2)}]", f"({one}) * 2"]
        return rng.choice(choices)

    def listed(self, depth: int = 0) -> str:
        rng = self._rng
        names = self._of(*_LISTS)
        choices = [*names * 2, "[]", f"[{self.number(1)}]", f"[{self.number(1)}, {self.number(1)}]"]
        if depth < 2:
            one = self.listed(depth + 1)
            choices += [f"({one})[1:]", f"({one})[::-1]", f"{one} + {self.listed(depth + 1)}"]
            choices += [f"sorted({one})", f"list({one})", f"[v + 1 for v in {one}]"]
            choices += [f"[v for v in {one} if v > {self.number(2)}]", f"list(reversed({one}))"]
            choices += [f"list(range({self.number(2)}))", f"({one})[:{self.number(2)}]"]
            choices += [f"{one} or {self.listed(depth + 1)}"]
        return rng.choice(choices)

    def statement(self, indent: str, depth: int, in_loop: bool) -> list[str]:
        rng = self._rng
        before = set(self.names)
        made = self._statement(indent, depth, in_loop)
        if depth or rng.random() < 0.5:
            # What is bound in a block may be unbound after it.
            self.names &= before | ({"a", "b"} if not depth else set())
        return made

    def block(self, indent: str, depth: int, in_loop: bool) -> list[str]:
        lines: list[str] = []
        for _ in range(self._rng.choice([1, 1, 2])):
            lines += self.statement(indent, depth, in_loop)
        return lines

    def _statement(self, indent: str, depth: int, in_loop: bool) -> list[str]:
        rng = self._rng
        lists = self._of(*_LISTS)
        simple = [
            lambda: f"{self._bind('a', 'b', 'n')} = {self.number()}",
            lambda: f"{self._bind('a', 'b')} = {self.number()}",
            lambda: (
                f"{self._known_number()} {rng.choice(['+=', '-=', '*=', '//='])} {self.number(1)}"
            ),
            lambda: f"{self._bind('zs', 'ys')} = {self.listed()}",
            lambda: f"{self._bind('t')} = {self.text()}",
            lambda: f"a, b = {self.number(1)}, {self.number(1)}",
            lambda: f"assert {self.test()}",
            lambda: f"{self._bind('a')} = int({self.test()})",
        ]
        if depth:
            simple += [lambda: f"return {self.number()}"] * 2
            simple += [lambda: "raise ValueError"]
        if in_loop:
            simple += [lambda: "break", lambda: "continue"]
        if len(lists) > 1:
            simple += [lambda: f"{lists[0]}, {lists[1]} = {lists[1]}, {lists[0]}"]
            simple += [lambda: f"{lists[0]} = {lists[1]}"] * 3
        if lists and rng.random() < 0.4:
            return [indent + self._change(rng.choice(lists))]
        if depth >= 2 or rng.random() < 0.55:
            return [indent + rng.choice(simple)()]
        return self._compound(indent, depth, in_loop)

    def _change(self, name: str) -> str:
        """A list is changed, under one of its names."""
        rng = self._rng
        return rng.choice(
            [
                f"{name}.append({self.number(1)})",
                f"{name} += {self.listed(1)}",
                f"{name}[{self.number(1)}] = {self.number(1)}",
                f"{name}.{rng.choice(['pop()', 'sort()', 'reverse()', 'clear()'])}",
                f"del {name}[0]",
                f"for row in ({name}, [1]): row.append(4)",
                f"pair = ({name}, 1); pair[0].append(7)",
                f"rest = reversed({name}); a = len(list(rest)) + len(list(rest))",
            ]
        )

    def _bind(self, *names: str) -> str:
        name = self._rng.choice(names)
        self.names.add(name)
        return name

    def _known_number(self) -> str:
        return self._rng.choice(self._of(*_NUMBERS) or [self._bind("a")])

    def _compound(self, indent: str, depth: int, in_loop: bool) -> list[str]:
        rng = self._rng
        deeper = indent + "    "
        kind = rng.choice(
            ["if", "if", "if else", "for", "for", "while", "try", "with", "def", "elif"]
        )
        lists = self._of(*_LISTS)
        if kind in ("if", "if else", "elif"):
            lines = [f"{indent}if {self.test()}:", *self.block(deeper, depth + 1, in_loop)]
            if kind == "elif":
                test = f"{indent}elif {self.test()}:"
                lines += [test, *self.block(deeper, depth + 1, in_loop)]
            if kind != "if":
                lines += [f"{indent}else:", *self.block(deeper, depth + 1, in_loop)]
            return lines
        if kind == "for":
            sources = [f"range({self.number(1)})", f"range({self.number(2)}, {self.number(2)}, -1)"]
            head = f"for v in {rng.choice([*sources, *lists, *lists])}:"
            if lists and rng.random() < 0.3:
                head = f"for i, v in enumerate({rng.choice(lists)}):"
            body = self.block(deeper, depth + 1, True)
            if rng.random() < 0.5:
                changes = [
                    "a = v",
                    "b = v",
                    "a = v + 1",
                    *(["n += v"] if "n" in self.names else []),
                ]
                body = [deeper + rng.choice(changes), *body]
            lines = [indent + head, *body]
            if rng.random() < 0.2:
                lines += [f"{indent}else:", *self.block(deeper, depth + 1, in_loop)]
            return lines
        if kind == "while":
            name = self._known_number()
            step = f"{deeper}{name} -= {rng.choice(['1', '2'])}"
            body = self.block(deeper, depth + 1, True)
            head = f"{indent}while {name} > {rng.choice(['0', '1', '2', self.number(2)])}:"
            return [head, step, *body] if rng.random() < 0.5 else [head, *body, step]
        if kind == "try":
            lines = [f"{indent}try:", *self.block(deeper, depth + 1, in_loop)]
            handler = rng.choice(
                ["except Exception:", "except ZeroDivisionError as b:", "finally:"]
            )
            inner = self.block(deeper, depth + 1, in_loop and not handler.startswith("finally"))
            if handler.startswith("finally"):
                inner = [f"{deeper}a = 1"]
            return [*lines, indent + handler, *inner]
        if kind == "with":
            lines = [f"{indent}with suppress(Exception):"]
            return lines + self.block(deeper, depth + 1, in_loop)
        name = self._known_number()
        return [
            f"{indent}def inner(n=1):",
            f"{deeper}nonlocal {name}" if name not in ("n",) else f"{deeper}pass",
            f"{deeper}{name if name != 'n' else 'j'} = {rng.choice(['0', '5'])}",
            f"{deeper}return 2",
            f"{indent}{rng.choice(['inner()', 'pass', 'a = inner()'])}",
        ]


def make_program(rng: random.Random) -> Program:
    """A random program; not each of them runs without exceptions."""
    names = rng.sample(sorted(TYPES), rng.choice([1, 2, 2, 3]))
    parameters = tuple((name, TYPES[name]) for name in names)
    writer = _Writer(rng, names)
    lines: list[str] = []
    for _ in range(rng.choice([1, 2, 3, 4])):
        lines += writer.statement("    ", 0, False)
    if rng.random() < 0.9:
        lines += [f"    return {writer.number()}"]
    listed = ", ".join(f"{name}: {type_}" for name, type_ in parameters)
    text = "from contextlib import suppress\n\n\n"
    text += f"def f({listed}) -> int:\n" + "\n".join(lines) + "\n\n\nlast = 1\n"
    conditions = _Writer(rng, names)
    pre = tuple(conditions.test(1) for _ in range(rng.choice([0, 0, 1])))
    over_result = _Writer(rng, [*names, "n"] if "n" in names else names)
    post = tuple(
        f"result {rng.choice(['<', '>=', '!=', '=='])} {over_result.number(1)}"
        for _ in range(rng.choice([0, 1, 1, 2]))
    )
    return Program(text, parameters, pre, post)


def compiled(program: Program) -> CodeType | None:
    """The program's code; None if it is no program."""
    try:
        return compile(program.text, "program", "exec")
    except SyntaxError:
        return None


def run(code: CodeType, arguments: dict[str, Any]) -> Outcome:
    """Calls `f` with copies of the arguments."""
    space: dict[str, Any] = {}
    exec(code, space)
    left = _MAX_LINES

    def count(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left < 0:
                raise _EndlessError
        return count

    tracer = sys.gettrace()
    sys.settrace(count)
    try:
        result = space["f"](**copy.deepcopy(arguments))
    except Exception as error:
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        if left < 0:
            return Outcome("endless")
        return Outcome(type(error).__name__, None, 0 if at is None else at.tb_lineno)
    finally:
        sys.settrace(tracer)
    return Outcome("endless") if left < 0 else Outcome("returned", result)


def holds(condition: str, names: dict[str, Any]) -> bool:
    """Whether a condition is true; one that can't be evaluated isn't."""
    try:
        return bool(eval(condition, copy.deepcopy(names)))
    except (ArithmeticError, LookupError, TypeError, ValueError, NameError):
        return False
