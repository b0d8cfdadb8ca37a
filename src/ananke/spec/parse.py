"""From untrusted JSON to a ConstraintSpec: bounded in size and depth, every violation named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from ananke.spec.base import Model
from ananke.spec.errors import SpecError, Violation, spec_error
from ananke.spec.holes import HoleRange, HoleRanges
from ananke.spec.model import ConstraintSpec, Policy

_Parsed = TypeVar("_Parsed", bound=Model)

#: A spec holds at most a prefix, a suffix (64 MiB each at their ceilings, more when JSON escapes
#: them) and a grammar; a document beyond this can't be a valid one.
MAX_SPEC_BYTES = 256 * 1024 * 1024

#: Containers inside containers. llguidance stops at 128 in a schema; nothing deeper can work.
MAX_DEPTH = 128

#: Values in one document, so that a small file can't unfold into a large structure.
MAX_VALUES = 1_000_000


def parse_spec(source: bytes | str | Mapping[str, Any]) -> ConstraintSpec:
    """The spec that `source` declares: JSON text, or the value such text stands for.

    Raises SpecError, with the path of each violation, for anything else: text that isn't JSON,
    a repeated or unknown field, a value of another type, a bound exceeded, a contradiction.
    """
    return _parse(source, ConstraintSpec)


def parse_policy(source: bytes | str | Mapping[str, Any]) -> Policy:
    """A part of a spec, for `compose`: the same fields, none of them needed.

    Raises SpecError as `parse_spec` does.
    """
    return _parse(source, Policy)


def parse_holes(source: bytes | str | Mapping[str, Any]) -> tuple[HoleRange, ...]:
    """The holes that a list of ranges names. Raises SpecError as `parse_spec` does."""
    return _parse(source, HoleRanges).holes


def _parse(source: bytes | str | Mapping[str, Any], model: type[_Parsed]) -> _Parsed:
    if isinstance(source, Mapping):
        value: object = dict(source)
    elif isinstance(source, bytes | bytearray | str):
        value = _read_json(source)
    else:
        raise spec_error("spec", f"expected JSON text or an object, not {type(source).__name__}")
    _check_shape(value)
    try:
        text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise spec_error("spec", f"holds a value that JSON has no form for ({error})") from None
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise _translate(error) from None


def _read_json(source: bytes | bytearray | str) -> object:
    if len(source) > MAX_SPEC_BYTES:
        raise spec_error("spec", f"has {len(source):,} bytes; at most {MAX_SPEC_BYTES:,} are read")
    try:
        text = source if isinstance(source, str) else source.decode()
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise spec_error("spec", f"is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise spec_error("spec", f"is nested deeper than {MAX_DEPTH} levels") from None
    except SpecError:
        raise
    except ValueError as error:
        raise spec_error("spec", f"is not JSON: {error}") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise spec_error("spec", f"an object names the field {twice!r} twice; keep one")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise spec_error("spec", f"{name} is not JSON; use a number or null")


def _check_shape(value: object) -> None:
    """Refuse what nothing later should have to meet: structures that are too deep (also cyclic) or
    too large, keys that aren't text, and text that has no UTF-8 form."""
    level: list[tuple[str, object]] = [("spec", value)]
    depth = seen = 0
    while level:
        if depth > MAX_DEPTH:
            raise spec_error("spec", f"is nested deeper than {MAX_DEPTH} levels")
        below: list[tuple[str, object]] = []
        for path, item in level:
            if isinstance(item, Mapping):
                for key, inner in item.items():
                    if not isinstance(key, str):
                        raise spec_error(path, f"has the key {key!r}; JSON keys are text")
                    _check_text(path, key)
                    below.append((f"{path}.{key}", inner))
            elif isinstance(item, list | tuple):
                below.extend((f"{path}[{at}]", inner) for at, inner in enumerate(item))
            elif isinstance(item, str):
                _check_text(path, item)
            if seen + len(below) > MAX_VALUES:
                raise spec_error("spec", f"holds more than {MAX_VALUES:,} values")
        seen += len(below)
        level = below
        depth += 1


def _check_text(path: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise spec_error(
            path, f"character {error.start} is a lone surrogate; send well-formed text"
        ) from None


def _translate(error: ValidationError) -> SpecError:
    violations: list[Violation] = []
    for item in error.errors(include_url=False, include_input=False):
        place = "spec"
        for part in item["loc"]:
            place += f"[{part}]" if isinstance(part, int) else f".{part}"
        if item["type"] == "contradiction" and "all" in item.get("ctx", {}):
            violations += [Violation(f"{place}.{at}", text) for at, text in item["ctx"]["all"]]
        elif item["type"] == "extra_forbidden":
            violations.append(Violation(place, "no such field; remove it or correct its name"))
        else:
            violations.append(Violation(place, item["msg"]))
    return SpecError(violations)
