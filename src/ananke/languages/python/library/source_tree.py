"""Python's own parser, from any thread.

CPython counts the depth of the trees that it makes in a place that all threads share. Where another
thread parses while one is under way (a tree takes memory, that may collect garbage, and that gives
other threads their turn), it finds its count wrong and raises SystemError. So only one of our
threads parses at a time; threads that are not ours may still come between, and then it is done
again.
"""

from __future__ import annotations

import ast
from threading import Lock
from typing import Literal, overload

__all__ = ["parse_expression", "parse_source"]

_lock = Lock()

#: Tries, where a thread that is not ours came between.
_TRIES = 20


def parse_source(text: str) -> ast.Module:
    """The tree of a file. Raises what `ast.parse` raises."""
    return _parsed(text, "exec")


def parse_expression(text: str) -> ast.expr:
    """The tree of an expression. Raises what `ast.parse` raises."""
    return _parsed(text, "eval").body


@overload
def _parsed(text: str, mode: Literal["exec"]) -> ast.Module: ...
@overload
def _parsed(text: str, mode: Literal["eval"]) -> ast.Expression: ...
def _parsed(text: str, mode: Literal["exec", "eval"]) -> ast.AST:
    for _ in range(_TRIES - 1):
        try:
            with _lock:
                return ast.parse(text, mode=mode)
        except SystemError:
            continue
    with _lock:
        return ast.parse(text, mode=mode)
