"""Rules of Python's meaning over the real standard library: programs as people write them.

What is right must be taken at every byte; what is wrong must be found by the end. Each program
was refused or taken wrongly once, in a file or a mutant of the evaluations.
"""

from __future__ import annotations

import pytest

from ananke.languages.python.library import PythonLibrary, open_library
from ananke.languages.python.meaning.context import Program
from ananke.languages.python.meaning.program import judge
from ananke.parsing import load_grammar


@pytest.fixture(scope="module")
def library() -> PythonLibrary:
    return open_library(version=(3, 11), platform="linux")


RIGHT = {
    "aliases by statement, generic and recursive": """
type Number = int | float
type Rows[T] = list[T]
type Nested = int | list[Nested]
a: Number = 3
b: Rows[int] = [a]
c: Nested = [3]
""",
    "a keyword begins the name that is bound": "x = (1, return_value := 2)\n",
    "a letter of several bytes begins the name that is bound": "x = (1, é := 2)\n",
    "a condition that follows narrows None away": """
def f(x: str | None) -> int:
    return int(x) if x is not None else 0
""",
    "a condition that follows narrows a union": """
def f(x: str | bytes):
    return x.encode() if isinstance(x, str) else x
""",
    "a condition that follows narrows to a subclass": """
class A: pass
class B(A):
    y: int = 1
def f(x: A):
    return x.y if isinstance(x, B) else 0
""",
    "operands, arguments and values of displays are narrowed later": """
from typing import Optional
def f(x: Optional[int], d: dict[str, int]):
    y = d["a"] + x if x is not None else 3
    print(x + 1 if x else 2)
    g = {"a": x + 1 if x else 2}
    return len(str(x + y)) + 1 if x else g
""",
    "tuples are ordered": "x = (10, 3) >= (10, 4)\n",
    "a member of an enum ends what is left": """
from enum import Enum, auto
from typing_extensions import assert_never
class A(Enum):
    X = auto()
    Y = auto()
    @property
    def q(self) -> int:
        if self is A.X:
            return 1
        elif self is A.Y:
            return 2
        else:
            assert_never(self)
""",
    "code for another platform is not judged": """
import sys
if sys.platform == "win32":
    import winreg
    winreg.OpenKey(1, 2, 3, 4, 5, 6, 7)
else:
    x = 1
print(x)
""",
    "a display takes the type that is expected": """
from collections.abc import Mapping, Sequence
a: list[int | str] = [1]
b: dict[str, object] = {"a": 1}
c: Mapping[str, Sequence[float]] = {"a": [1, 2]}
d: tuple[list[object], int] = ([1], 2)
""",
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_taken_at_every_byte(case: str, library: PythonLibrary) -> None:
    text = RIGHT[case].encode()
    program = Program(library)
    state = load_grammar("python").start()
    for at in range(len(text)):
        after = state.feed(text[at : at + 1])
        assert after is not None, f"the grammar refuses {text[: at + 1]!r}"
        state = after
        assert judge(program, state).defects == (), text[: at + 1].decode()
    judgement = judge(program, state, at_end=True)
    assert judgement.defects == ()
    assert judgement.owed == ()


WRONG = {
    "an argument of another class": ("int([1])\n", "takes"),
    "a settled value can't be narrowed": (
        "x = 'a'\ny = x + 1 if x else 2\n",
        "`+` is not defined",
    ),
    "what no member of a union takes": (
        "def f(x: list[int] | None):\n    return x.push(1) if x else 0\n",
        "no attribute `push`",
    ),
    "type arguments of another kind": ("y = ['a']\nx: list[int] = y\n", "can't be assigned"),
    "the class in place of an instance": ("x: list[int] = list\n", "can't be assigned"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case: str, library: PythonLibrary) -> None:
    text, message = WRONG[case]
    state = load_grammar("python").parse(text.encode())
    assert state is not None, "the text does not parse"
    defects = judge(Program(library), state, at_end=True).defects
    assert any(message in one.message for one in defects), defects
