"""Bounds of literals: a beginning is admitted iff some literal in the range begins so."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ananke.analysis.literals import Range
from ananke.languages.python.semantics.literals import read_number

#: Whole numbers up to here are all spelled; bounds are less, so that none is missed.
_LAST = 2_000
_END = st.none() | st.integers(-150, 150)


def spellings(value: int) -> list[str]:
    """How a whole number may be written, with one separator at most."""
    plain = [str(value), f"0x{value:x}", f"0X{value:X}", f"0o{value:o}", f"0b{value:b}"]
    found = list(plain)
    for one in plain:
        found += [f"{one[:at]}_{one[at:]}" for at in range(1, len(one)) if one[:at] != "0"]
    return found


SPELLED = {value: spellings(value) for value in range(_LAST)}


@given(_END, _END, st.integers(0, _LAST - 1), st.data())
def test_each_beginning_of_a_literal_in_range_is_admitted(
    least: int | None, most: int | None, value: int, data: st.DataObject
) -> None:
    held = Range(least, most)
    text = data.draw(st.sampled_from(SPELLED[value]))
    number = read_number(text.encode())
    assert number is not None
    assert number.value == value
    is_in = (least is None or least <= value) and (most is None or value <= most)
    assert held.holds(number) == is_in
    if is_in:
        for end in range(1, len(text) + 1):
            begun = read_number(text[:end].encode())
            assert begun is None or held.may_reach(begun), text[:end]


@given(st.integers(0, 150), st.integers(0, 150), st.integers(0, _LAST - 1))
def test_a_beginning_that_is_admitted_has_a_literal(one: int, other: int, value: int) -> None:
    least, most = sorted((one, other))
    held = Range(least, most)
    for text in SPELLED[value]:
        for end in range(1, len(text) + 1):
            begun = read_number(text[:end].encode())
            if begun is None or not held.may_reach(begun):
                continue
            found = [spelled for inside in range(least, most + 1) for spelled in SPELLED[inside]]
            plain = text[:end].replace("_", "").lower()
            # Zeros may follow a prefix.
            plain = re.sub(r"^(0[xob])0+", r"\1", plain)
            assert any(spelled.replace("_", "").lower().startswith(plain) for spelled in found), (
                text[:end]
            )


@given(_END, _END, st.integers(0, _LAST - 1))
def test_what_a_literal_is_finished_with_is_the_least(
    least: int | None, most: int | None, value: int
) -> None:
    held = Range(least, most)
    number = read_number(str(value).encode())
    assert number is not None
    rest = held.rest(number)
    inside = [
        one
        for one in range(10 * _LAST)
        if str(one).startswith(str(value))
        and value
        and (least is None or least <= one)
        and (most is None or one <= most)
    ]
    if rest is None:
        assert not inside or inside[0] == value or not value
    else:
        assert int(str(value) + rest) == inside[0]


@given(_END, _END)
def test_negation_is_its_own_inverse(least: int | None, most: int | None) -> None:
    held = Range(least, most)
    assert held.negated().negated() == held
    for value in range(150):
        number = read_number(str(value).encode())
        assert number is not None
        opposite = (least is None or least <= -value) and (most is None or -value <= most)
        assert held.negated().holds(number) == opposite
