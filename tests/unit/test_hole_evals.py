"""The evaluation of holes: what it cuts, and how it compares types."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.environment import ModuleSource
from evals.holes import Cut, agree, cuts, types_of

TEXT = b"""def f(a: int, name: str = "x") -> "list[int] | None":
    \"\"\"Says nothing.\"\"\"
    b = a + 1
    for one in range(b):
        print(one, end=name)
        b += one
    if b > 3:
        return [b]
    return None


class A:
    size: float = 1.0
    half = float(size) / 2

    def g(self) -> str: ...
"""


def source(folder: Path) -> ModuleSource:
    path = folder / "module.py"
    path.write_bytes(TEXT)
    return ModuleSource("package", "module", path, TEXT)


def test_what_is_cut(tmp_path: Path) -> None:
    found = cuts(source(tmp_path))
    originals = {
        kind: sorted(cut.original.decode() for cut in some) for kind, some in found.items()
    }
    assert originals["argument"] == ["b", "name", "one", "size"]
    assert set(originals["expression"]) >= {"a + 1", "1", "range(b)", "one", "b > 3", "[b]", "None"}
    assert originals["statement"] == sorted(
        ['"""Says nothing."""', "b = a + 1", "print(one, end=name)", "b += one", "return None"]
    )
    (body,) = originals["body"]
    assert body.startswith('"""Says nothing')
    for some in found.values():
        for cut in some:
            assert cut.text.count(b"...") == TEXT.count(b"...") + 1
            assert cut.text.replace(b"...", cut.original, 1) == TEXT or cut.start > TEXT.index(
                b"..."
            )


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("int", "int", True),
        ("int", "str", False),
        ("int | None", "None | int", True),
        ("int | None", "int", False),
        ("list[int]", "list[str]", False),
        ("list[unknown]", "list[str]", True),
        ("list", "list[str]", True),
        ("dict[str, int]", "dict[str, int | None]", False),
        ("Path", "pathlib.Path", True),
        ("unknown | int", "str", True),
        ("Literal['a', 'b']", "Literal['a', 'b']", True),
        ("Literal['a']", "Literal['b']", False),
        ("(x: int) -> str", "int", False),
    ],
)
def test_types_agree(ours: str, theirs: str, same: bool) -> None:
    assert agree(ours, theirs) == same


def test_what_the_checker_expects(tmp_path: Path) -> None:
    pytest.importorskip("basedpyright", reason="the type checker of the evaluations")
    made = source(tmp_path)
    begin = TEXT.index(b"range(b)") + len("range(")
    end = TEXT.index(b"end=name") + len("end=")
    given = Cut(made, "expression", TEXT.index(b"1.0"), TEXT.index(b"1.0") + 3)
    sample = [
        Cut(made, "argument", begin, begin + 1),
        Cut(made, "argument", end, end + 4),
        Cut(made, "expression", TEXT.index(b"[b]"), TEXT.index(b"[b]") + 3),
        given,
        Cut(made, "expression", TEXT.index(b"a + 1"), TEXT.index(b"a + 1") + 5),
        Cut(made, "argument", TEXT.index(b"size) "), TEXT.index(b"size) ") + 4),
    ]
    found = types_of(tmp_path, sample)
    assert [found.get(cut) for cut in sample] == [
        "SupportsIndex",
        "str | None",
        "list[int] | None",
        "float",
        None,
        # A union with a name of its own.
        "str | Buffer | SupportsFloat | SupportsIndex",
    ]
