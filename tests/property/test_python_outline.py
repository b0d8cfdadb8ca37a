"""Outlines survive their encoding, and damaged encodings are refused, never misread or crashed."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from ananke.languages.python.library.conditions import Target
from ananke.languages.python.library.outline import (
    DamagedOutlineError,
    Flag,
    Item,
    ItemKind,
    Outline,
    Table,
    decode,
    encode,
)
from ananke.languages.python.library.policy import Policy
from ananke.languages.python.library.reading import read_module

NAMES = st.from_regex(r"[A-Za-z_éλ][A-Za-z_0-9]{0,8}", fullmatch=True)
MODULES = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
FLAGS = st.integers(0, 31).map(Flag)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)

PLAIN = st.builds(Item, st.sampled_from(ItemKind), TEXTS, FLAGS)


def tables(items: st.SearchStrategy[Item]) -> st.SearchStrategy[Table]:
    several = st.lists(items, min_size=1, max_size=3).map(tuple)
    return st.dictionaries(NAMES, several, max_size=5)


ITEMS = st.recursive(
    PLAIN,
    lambda inner: st.builds(Item, st.just(ItemKind.CLASS), TEXTS, FLAGS, tables(inner)),
    max_leaves=12,
)
OUTLINES = st.builds(
    Outline,
    tables(ITEMS),
    st.lists(MODULES, max_size=3).map(tuple),
    st.none() | st.lists(NAMES, max_size=4).map(tuple),
    st.booleans(),
    st.booleans(),
)


def plain(table: Table) -> object:
    return [
        (name, [(i.kind, i.text, i.flags, i.inner and plain(i.inner)) for i in items])
        for name, items in table.items()
    ]


@given(OUTLINES)
def test_an_outline_survives_its_encoding(outline: Outline) -> None:
    again = decode(encode(outline))
    assert plain(again.names) == [
        (name, [(i.kind, i.text, i.flags, i.inner and plain(i.inner)) for i in items])
        for name, items in outline.names.items()
    ]
    assert (again.stars, again.exported) == (outline.stars, outline.exported)
    assert (again.is_stub, again.is_open) == (outline.is_stub, outline.is_open)


@given(OUTLINES, st.data())
def test_damage_is_refused_or_read_within_bounds(outline: Outline, data: st.DataObject) -> None:
    whole = bytearray(encode(outline))
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[at:]
    else:
        whole[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(DamagedOutlineError):
        plain(decode(bytes(whole)).names)


@given(st.text(st.sampled_from("abx=:()[]{}#'\"\n \\@.,*classdefimportfrom"), max_size=120))
def test_any_text_has_an_outline(text: str) -> None:
    outline = read_module(
        text.encode(), "m", Target((3, 11), "linux"), is_stub=False, is_package=False
    )
    assert plain(decode(encode(outline)).names) == plain(outline.names)


@given(st.lists(MODULES, max_size=4), st.none() | st.lists(MODULES, max_size=4), MODULES, NAMES)
def test_what_is_denied_stays_denied_below(
    deny: list[str], allow: list[str] | None, module: str, part: str
) -> None:
    policy = Policy(None if allow is None else frozenset(allow), frozenset(deny))
    below = f"{module}.{part}"
    if module in deny:
        assert policy.refusal(module) is not None
        assert policy.refusal(below) is not None
        assert not policy.may_lead(below)
    if policy.refusal(below) is None:
        assert policy.may_lead(module)
    if policy.refusal(module) is None:
        assert below in deny or policy.refusal(below) is None
