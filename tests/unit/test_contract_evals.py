"""The evaluation of contracts: its tasks, the process that runs programs, what it draws."""

from __future__ import annotations

import random

import pytest

from ananke.cli.ngram import train
from ananke.session import Session
from ananke.spec import parse_spec
from evals.contract_grammar import grammar_of
from evals.contract_tasks import TaskError, inputs, read_tasks, tasks
from evals.contracts import draw, is_proven, render, write
from evals.sandbox import call_all

ONE = """## half
```contract
def half(n: int) -> int
pre: n >= 0
post: 0 <= n - 2 * result <= 1
```
```right
def half(n: int) -> int:
    return n // 2
```
```wrong
def half(n: int) -> int:
    return n
```
"""
(HALF,) = read_tasks(ONE)


class TestTasks:
    """What is read of the document."""

    def test_a_task(self):
        assert HALF.name == "half"
        assert HALF.parameters == (("n", "int"),)
        assert HALF.pre == ("n >= 0",)
        assert HALF.right.endswith("return n // 2\n")
        assert len(HALF.wrong) == 1

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ("```wrong", "```wrogn", "wrogn"),
            ("pre: n", "before: n", "before"),
            ("def half(n: int) -> int\npre", "half\npre", "signature"),
            ("```right", "```wrong", "one right"),
        ],
    )
    def test_what_is_broken_is_an_error(self, old, new, says):
        with pytest.raises(TaskError, match=says):
            read_tasks(ONE.replace(old, new))

    def test_there_are_enough(self):
        assert len(tasks()) >= 60
        assert len({task.name for task in tasks()}) == len(tasks())

    def test_inputs_fit_the_parameters(self):
        for task in tasks():
            for arguments in inputs(task, 20, random.Random(1)):
                assert list(arguments) == [name for name, _ in task.parameters]

    @pytest.mark.parametrize("task", tasks()[::9], ids=lambda task: task.name)
    def test_the_grammar_of_a_task_is_one(self, task):
        model = train([task.right, *task.wrong], 320, task.name)
        spec = {
            "language": "python",
            "context": {"prefix": task.signature + ":\n"},
            "grammar": {"kind": "lark", "source": grammar_of(task)},
        }
        session = Session(parse_spec(spec), model.vocabulary)
        session.accept_text(b"    a = 0\n    b = 1\n    return ")


class TestSandbox:
    """A program runs in a process of its own, and reaches nothing."""

    def test_what_a_call_returns_is_judged(self):
        text = "def f(n):\n    return n if n else 1 // n\n"
        found = call_all(text, "f", [{"n": 0}, {"n": 1}, {"n": 2}], ["n < 2"], ["result > 1"])
        assert [one.kind for one in found] == ["ZeroDivisionError", "returned"]
        assert all(one.is_violation for one in found)
        assert found[1].broken == ("result > 1",)

    def test_arguments_are_those_at_the_call(self):
        text = "def f(xs):\n    xs.append(1)\n    return len(xs)\n"
        (found,) = call_all(text, "f", [{"xs": [5]}], [], ["result == len(xs) + 1"])
        assert not found.is_violation

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("def f():\n    while True:\n        pass\n", "endless"),
            ("def f():\n    import socket\n", "_RefusedError"),
            ("def f():\n    open('x', 'w')\n", "_RefusedError"),
            ("def f():\n    return 'x' * 10**10\n", "MemoryError"),
            ("1 // 0\n", "module: ZeroDivisionError"),
        ],
    )
    def test_what_a_program_may_not(self, text, kind):
        (found,) = call_all(text, "f", [{}])
        assert found.kind == kind
        assert not found.is_violation


class TestWriting:
    """Programs token by token, and drawn ones."""

    @pytest.fixture(scope="class")
    @staticmethod
    def model():
        return train([HALF.right, *HALF.wrong], 320, "half")

    def test_a_solution_is_written_and_a_wrong_program_is_not(self, model):
        assert write(HALF, HALF.right, model.vocabulary).refused is None
        assert write(HALF, HALF.wrong[0], model.vocabulary).refused is not None

    def test_only_what_holds_is_proven(self, model):
        assert is_proven(HALF, HALF.right, model.vocabulary)
        assert not is_proven(HALF, HALF.wrong[0], model.vocabulary)

    @pytest.mark.parametrize("kind", ["uniform", "n-gram"])
    def test_what_is_drawn_keeps_the_contract(self, model, kind):
        finished = 0
        for seed in range(4):
            sample = draw(HALF, model, kind, random.Random(seed))
            if not sample.problem:
                finished += 1
                outcomes = call_all(
                    sample.text, "half", [{"n": n} for n in range(9)], HALF.pre, HALF.post
                )
                if is_proven(HALF, sample.text, model.vocabulary):
                    assert not any(one.is_violation for one in outcomes), sample.text
        assert finished


def test_the_section_is_a_table():
    counted = {"right": 2, "right proven": 1, "wrong": 4, "wrong blocked": 3, "functions": 2}
    more = {"late p50": 3, "late max": 9, "seed": 1, "date": "d", "machine": "m"}
    times = {"accept p50": 1, "accept p99": 2, "mask p50": 3, "mask p99": 4}
    sizes = {"vocabulary": 9, "draw vocabulary": 3, "n-gram drawn": 5, "n-gram finished": 4}
    text = render({"python": {**counted, **more, **times, **sizes}})
    assert "| python | 2 | 0 of 2 | 1 of 2 | 3 of 4 (75.00 %) | p50 3, max 9 |" in text
    assert "| python | n-gram | 5 | 4 | 0 | 0 | 0 (0.00 %) |" in text
