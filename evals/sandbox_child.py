"""Runs a program that nobody has read, in a process of its own: see `sandbox.py`.

Standard input is one JSON object, standard output another. Limits are set before the program is
compiled; what it could reach outside the process is refused by an audit hook.
"""

from __future__ import annotations

import copy
import json
import resource
import sys
from types import FrameType
from typing import Any

_MEMORY = 512 << 20
_SECONDS = 20
#: Lines that a call may run before it counts as endless.
_LINES = 20_000
#: What a program that only calculates has no need of.
_REFUSED = (
    "open",
    "import",
    "os.",
    "socket.",
    "subprocess.",
    "ctypes.",
    "shutil.",
    "sys.",
    "mmap.",
)


class _EndlessError(Exception):
    pass


class _RefusedError(Exception):
    pass


def _holds(condition: str, names: dict[str, Any]) -> bool:
    """Whether a condition is true; one that can't be evaluated isn't."""
    try:
        return bool(eval(condition, copy.deepcopy(names)))
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
        return False


def _call(function: Any, arguments: dict[str, Any]) -> tuple[str, Any]:
    left = _LINES

    def count(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _EndlessError
        return count

    sys.settrace(count)
    try:
        result = function(**copy.deepcopy(arguments))
    except BaseException as error:
        sys.settrace(None)
        return "endless" if left < 0 else type(error).__name__, None
    finally:
        sys.settrace(None)
    return "endless" if left < 0 else "returned", result


def _main() -> None:
    job = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    answer = sys.stdout
    sys.stdout = sys.stderr
    is_ours = False

    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if not is_ours and event.startswith(_REFUSED) and event != "sys.settrace":
            raise _RefusedError(event)

    sys.addaudithook(refuse)
    space: dict[str, Any] = {"__name__": "program"}
    outcomes: list[dict[str, Any]] = []
    try:
        exec(compile(job["text"], "program", "exec"), space)
        function = space[job["name"]]
    except BaseException as error:
        outcomes.append({"kind": f"module: {type(error).__name__}", "broken": []})
    else:
        for arguments in job["inputs"]:
            if not all(_holds(one, arguments) for one in job["pre"]):
                continue
            kind, result = _call(function, arguments)
            names = {**arguments, "result": result}
            broken = [one for one in job["post"] if kind == "returned" and not _holds(one, names)]
            outcomes.append({"kind": kind, "broken": broken, "arguments": repr(arguments)})
    is_ours = True
    json.dump(outcomes, answer)
    answer.flush()


_main()
