"""The domains imports, types and controlflow in a session: what is masked, and why."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ananke.analysis.judgement import Inert, Surroundings
from ananke.domains.meaning.state import MeaningState, start_meaning
from ananke.languages import get_hole_language
from ananke.languages.python.meaning.pieces import outline
from ananke.languages.python.meaning.request import MEANING
from ananke.masks import allocate, tokens_of
from ananke.parsing import load_grammar
from ananke.parsing.state import ParseState
from ananke.session import NotAdmitted, Session
from ananke.spec import SpecError, parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

_WORDS = (
    "append push upper uper join os path exists sys json loads lods break return x y foo self len "
    "print import from class def in and or is not None True : :- ( ) [ ] { } . , = == + - * / \n "
    '(" "," , ,[ ,( ([ "" ()) ). ): ):\n )\n \n\n .append .push [0 [] () (x (y =x += 1 12 0x "a" #'
)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    pieces = {one.encode() for one in _WORDS.split(" ") if one}
    pieces |= {b" " + one for one in pieces}
    pieces |= {bytes([byte]) for byte in range(256)}
    pieces |= {b"    ", b"\n    ", b"\n        "}
    tokens = [*sorted(pieces), b""]
    return from_tokens(tokens, eos=[len(tokens) - 1], name="words")


def session(vocabulary: Vocabulary, prefix: str, *domains: str, **more: object) -> Session:
    context = {"prefix": prefix, **more.pop("context", {})}  # type: ignore[dict-item]
    names = ["syntax", *(domains or ("imports", "types", "controlflow"))]
    return Session(
        parse_spec({"language": "python", "domains": names, "context": context, **more}),
        vocabulary,
    )


def admitted(one: Session) -> set[bytes]:
    rows = allocate(1, one.vocabulary.size)
    one.mask(rows)
    return {one.vocabulary.token_bytes(token) for token in tokens_of(rows[0]).tolist()}


def test_members_of_a_known_type(vocabulary: Vocabulary) -> None:
    found = admitted(session(vocabulary, "x = [1]\nx."))
    assert b"append" in found
    assert b"push" not in found


def test_a_word_that_is_begun(vocabulary: Vocabulary) -> None:
    found = admitted(session(vocabulary, "x = 'a'\nx.upp"))
    assert b"e" in found
    assert b"p" not in found
    assert b"(" not in found


def test_names_at_the_modules_level(vocabulary: Vocabulary) -> None:
    found = admitted(session(vocabulary, "x = 1\ny = x + "))
    assert {b"x", b"len", b"12"} <= found
    assert b"foo" not in found


def test_names_in_functions_may_come_later(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "def f():\n    return foo()\n")
    assert vocabulary.eos[0] not in tokens_of(_mask(one))
    assert not one.explain(vocabulary.eos[0]).admitted
    assert "`foo` is not defined" in one.explain(vocabulary.eos[0]).reason
    one.accept_text(b"def foo():\n    pass\n")
    assert one.explain(vocabulary.eos[0]).admitted


def _mask(one: Session) -> npt.NDArray[np.int32]:
    rows = allocate(1, one.vocabulary.size)
    one.mask(rows)
    mask: npt.NDArray[np.int32] = rows[0]
    return mask


def test_a_suffix_pays_what_is_owed(vocabulary: Vocabulary) -> None:
    one = session(
        vocabulary,
        "def f():\n    return fo",
        context={"suffix": "\ndef foo():\n    pass\n"},
    )
    one.accept_text(b"o")
    assert one.explain(vocabulary.eos[0]).admitted
    one.accept_text(b"x")
    assert not one.explain(vocabulary.eos[0]).admitted


def test_modules_and_what_they_export(vocabulary: Vocabulary) -> None:
    found = admitted(session(vocabulary, "import json\njson."))
    assert b"loads" in found
    assert b"lods" not in found
    with pytest.raises(NotAdmitted, match="imports: `json` does not export `lods`"):
        session(vocabulary, "from json import ").accept_text(b"lods\n")


def test_denied_modules(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "import ", imports={"deny": ["os"]})
    with pytest.raises(NotAdmitted, match="`os` may not be imported"):
        one.accept_text(b"os\n")
    one.accept_text(b"sys\n")


def test_what_follows_the_end_of_a_string(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "def f(a: str, b: int) -> None: ...\nf('x")
    found = admitted(one)
    assert b"'" in found
    text = [b"')", b"',", b"']"]
    tokens = [*text, *(bytes([byte]) for byte in range(256)), b""]
    two = Session(one.spec, from_tokens(tokens, eos=[len(tokens) - 1], name="quotes"))
    assert admitted(two).isdisjoint([b"')", b"']"])
    assert b"'," in admitted(two)


def test_placement(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "")
    with pytest.raises(NotAdmitted, match="controlflow: `break` outside a loop"):
        one.accept_text(b"break\n")
    with pytest.raises(NotAdmitted, match="controlflow: `return` outside a function"):
        one.accept_text(b"return\n")


def test_a_domain_that_is_left_out_judges_nothing(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "x = [1]\n", "controlflow")
    one.accept_text(b"x.push(1)\n")
    with pytest.raises(NotAdmitted, match="outside a loop"):
        one.accept_text(b"break\n")


def test_explanations_name_the_domain_and_what_would_be_right(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "x = 'a'\n")
    with pytest.raises(NotAdmitted) as refused:
        one.accept_text(b"x.uper()\n")
    assert "types: `str` has no attribute `uper`" in str(refused.value)
    assert "upper" in str(refused.value)


def test_the_prefix_is_given_and_not_judged(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "undefined.foo\n'a'.push()\nx = 1\n")
    one.accept_text(b"print(x)\n")
    with pytest.raises(NotAdmitted):
        one.accept_text(b"'a'.push()\n")


def test_what_only_the_end_of_a_class_shows_is_given_in_a_prefix(vocabulary: Vocabulary) -> None:
    prefix = "class A:\n    def f(self):\n        self.n.upper()\n        self.n = 3\n"
    one = session(vocabulary, prefix)
    one.accept_text(b"    def g(self):\n        self.n.lower()\n    x = 1\n")
    with pytest.raises(NotAdmitted, match="`int` has no attribute `lower`"):
        one.accept_text(b"print(1)\n")
    two = session(vocabulary, prefix)
    two.accept_text(b"print(1)\n")


def test_in_a_hole_names_are_known_or_bound_first(vocabulary: Vocabulary) -> None:
    """What stands after a hole is known, and what is written stays in it: nothing is owed."""
    text = "def f(x):\n    ...\n\n\ndef later(): pass\n"
    language = get_hole_language("python")
    assert language is not None
    (hole,) = language.find(text.encode())
    spec = parse_spec(
        {
            "language": "python",
            "domains": ["syntax", "types"],
            "context": {"prefix": text[: hole.start], "suffix": text[hole.end :]},
        }
    )
    one = Session(spec, vocabulary, region=hole.region)
    one.accept_text(
        b"later(x)\n    foo = 1\n    foo\n    for y in x:\n        self\n        self = y\n"
    )
    with pytest.raises(NotAdmitted, match="`y_` is not defined"):
        one.fork().accept_text(b"    y_ + 1")
    one.accept_text(b"    ")
    found = admitted(one)
    assert {b"foo", b"x", b"len"} <= found
    one.accept_text(b"return ")
    found = admitted(one)
    assert {b"foo", b"x", b"len", b"y"} <= found
    assert found.isdisjoint([b"path", b"join", b"sys"])
    # Without the hole's bounds the text may still bind it, after the function.
    Session(spec, vocabulary).accept_text(b"y_ + 1")


def test_a_language_without_meaning(vocabulary: Vocabulary) -> None:
    with pytest.raises(SpecError, match=r"spec.domains\[1\]: zig has no types domain"):
        Session(parse_spec({"language": "zig", "domains": ["syntax", "types"]}), vocabulary)


@pytest.mark.parametrize(
    "text",
    [
        "import os\nclass A:\n    def f(self, x: int) -> str:\n        return [x].append(1)",
        "x = {'a': 1}\nfor k in x.items():\n    print(k[0].upper(), f'{k!r:>{3}} {x}')\n",
        "def f(a: str, *, b=1):\n    # comment (a\n    return f(a, b=len(a) + 1) if a else None\n",
        "with open('x') as f:\n    while True:\n        x = (f.read() or '').split(',')[0]\n",
    ],
)
def test_masks_equal_judging_every_token(vocabulary: Vocabulary, text: str) -> None:
    one = session(vocabulary, "")
    for at in range(0, len(text) - 3, 3):
        mask = set(tokens_of(_mask(one)).tolist())
        for token in range(vocabulary.size):
            is_right = one.explain(token).admitted
            assert (token in mask) == is_right, (text[:at], vocabulary.token_bytes(token))
        one.accept_text(text[at : at + 3].encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"+(", b" -["),
        (b": [", b":("),
        (b'("', b"( '"),
        (b"([", b"( ["),
        (b")\n", b" )\n    "),
        (b"* ", b" // "),
    ],
)
def test_pieces_that_are_judged_alike(one: bytes, other: bytes) -> None:
    assert names(one) == names(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"+", b"*"),
        (b")", b"))"),
        (b",", b",\n"),
        (b"(", b"()"),
        (b", [", b","),
        (b"(", b'("'),
        (b"=", b"=="),
        (b'"', b'".'),
        (b"<", b"<("),
    ],
)
def test_pieces_that_are_not(one: bytes, other: bytes) -> None:
    assert names(one) != names(other)


def names(piece: bytes) -> list[bytes]:
    return [stroke.name for stroke in outline(piece).strokes]


def _judge(vocabulary: Vocabulary, prefix: str) -> tuple[MeaningState, ParseState]:
    one = session(vocabulary, prefix)
    parse = load_grammar("python").start().feed(prefix.encode())
    assert parse is not None
    judge = start_meaning(one.spec, vocabulary, parse)
    assert judge is not None
    return judge, parse


def test_what_there_is_no_time_for_stays_in_the_mask(vocabulary: Vocabulary) -> None:
    prefix = "x = [1]\ny = x."
    judge, _ = _judge(vocabulary, prefix)
    spec = parse_spec({"language": "python", "context": {"prefix": prefix}})
    before, late, whole = (_mask(Session(spec, vocabulary)) for _ in range(3))
    assert not judge.narrow(late, deadline=0)
    assert np.array_equal(before, late)
    assert judge.narrow(whole)
    assert not np.array_equal(before, whole)
    assert np.array_equal(whole & before, whole)


def test_what_is_forgiven_is_not_held_against_what_follows(vocabulary: Vocabulary) -> None:
    judge, parse = _judge(vocabulary, "x = [1]\n")
    wrong = parse.feed(b"x.push(1)\n")
    assert wrong is not None
    assert judge.advance(wrong) is None
    forgiving = judge.forgive(wrong)
    assert forgiving is not None
    right, wrong_again = wrong.feed(b"x.append(2)\n"), wrong.feed(b"x.shove(2)\n")
    assert right is not None
    assert wrong_again is not None
    assert forgiving.advance(right) is not None
    assert forgiving.advance(wrong_again) is None


def test_after_a_prefix_with_defects_names_are_still_asked_for(vocabulary: Vocabulary) -> None:
    found = admitted(session(vocabulary, "import jsom\nx = 1\ndef f(self):\n    return se"))
    assert {b"l", b"x", b"append"} <= found, "names in functions may be bound later"
    found = admitted(session(vocabulary, "import jsom\nx = 1\ny = x + "))
    assert b"x" in found
    assert b"foo" not in found


@pytest.mark.parametrize(
    ("prefix", "pairs"),
    [
        (
            "x = 1\ny = {'a': 1, 'b':",
            [(b" foo", False), (b" x", True), (b" len", True), (b"\\", True)],
        ),
        ("from", [(b" os", True), (b"_.", False), (b" ._", True)]),
    ],
)
def test_what_goes_on_in_a_word_is_not_what_stands_after_a_blank(
    prefix: str, pairs: list[tuple[bytes, bool]]
) -> None:
    tokens = [b"foo", b" foo", b" x", b" len", b"\\", b" \\", b" ", b" os", b"_.", b" _.", b" ._"]
    vocabulary = from_tokens([*tokens, b""], eos=[len(tokens)], name="few")
    one = session(vocabulary, prefix)
    found = admitted(one)
    for token, text in enumerate(tokens):
        assert (text in found) == one.explain(token).admitted, text
    for text, is_right in pairs:
        assert (text in found) == is_right, text


@pytest.mark.parametrize(
    "prefix",
    [
        "def f(a):\n    a, nowhere(a[1])",
        "x = 'a'.find .",
        "x = 1 << ~11",
        "x = {'a':",
        "def f(a):\n    x = a\n    .",
    ],
)
def test_what_finishes_the_text_before_it_is_judged(prefix: str) -> None:
    tokens = [
        b"#",
        b" #.",
        b"_",
        b"_##",
        b"_ ",
        b".i",
        b".is",
        b' @"";\n',
        b"*",
        b" * ",
        b"+",
        b".",
    ]
    vocabulary = from_tokens([*tokens, b""], eos=[len(tokens)], name="finishing")
    one = session(vocabulary, prefix)
    found = admitted(one)
    for token, text in enumerate(tokens):
        assert (text in found) == one.explain(token).admitted, text


@pytest.mark.parametrize(
    "prefix",
    [
        "import os\nx: int = os.path.exi",
        "def f(a: int, b: str) -> str:\n    return ''\n\nx = f(",
        "def f(a: int) -> list[str]:\n    if a:\n        return [",
        "def f(a: int) -> str:\n    if a:\n        return 'x'\n    el",
        "def f():\n    return foo()",
        "x = [1]\nx.appe",
        "with open('x') as f:\n    f.wri",
        "from os import pat",
        "for x in 1",
        "x = 'a' + ",
        "None >> {~1.5",
        "if (-1 > '",
        "x = ''\nprint([x.",
        "x = [1]\nfor y in (x, -x",
        "def f(a: int, b: str) -> str:\n    return f(1, [",
        "def f(a: int, b: str, c: int) -> str:\n    return f(1 % [a",
        "x = 1 @ 2",
        "x = ''.join .  \\\n  ",
        "x = ('a'.  # said",
        "match -1",
        "class A:\n    def f(self):\n        return self.n\n    def g(self):\n        pass\n",
    ],
)
def test_a_completion_is_what_the_judges_take(vocabulary: Vocabulary, prefix: str) -> None:
    one = session(vocabulary, prefix)
    completion = one.shortest_completion()
    assert completion is not None
    one.accept_text(completion)
    assert one.explain(vocabulary.eos[0]).admitted


@pytest.mark.parametrize(
    "prefix",
    [
        "print(f'{nowhere} {len(nowhere)}'",
        "try:\n    pass\nexcept (ValueError, TypeErr",
        "x = 1\ny = (x",
        "x = [1]\nx.append(1",
        "x = [1]\nx.reverse",
        "x = [1]\nx.append([''",
    ],
)
def test_masks_equal_judging_at_operands_that_may_go_on(
    vocabulary: Vocabulary, prefix: str
) -> None:
    one = session(vocabulary, prefix)
    found = admitted(one)
    for token in range(vocabulary.size - 1):
        text = vocabulary.token_bytes(token)
        assert one.explain(token).admitted == (text in found), text


def test_a_word_of_the_prefix_that_nothing_begins_with_may_go_on(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "x = 1\ny = unheard_of")
    found = admitted(one)
    assert b"self" in found
    for token in range(vocabulary.size - 1):
        text = vocabulary.token_bytes(token)
        assert one.explain(token).admitted == (text in found), text


@pytest.mark.parametrize("blank", [" ", "  # why\n  ", " \\\n  ", " \\\n  # why\n"])
def test_after_a_comment_an_operand_may_still_go_on(vocabulary: Vocabulary, blank: str) -> None:
    one = session(vocabulary, "x = int([1, 2]")
    one.accept_text(blank.encode())
    one.fork().accept_text(b".index(1))\n")
    with pytest.raises(NotAdmitted, match="no overload takes"):
        one.accept_text(b")\n")


@pytest.mark.parametrize("before", ["x = 1\n# first\n", "# first\n\n  # second\n", "f(  # first\n"])
def test_a_comment_after_comments_is_one_too(vocabulary: Vocabulary, before: str) -> None:
    program = MEANING.begin(Surroundings())
    state = load_grammar("python").parse((before + "# sec").encode())
    assert state is not None
    assert MEANING.position(program, state).inert == Inert((b"\n", b"\r"))
    ended = state.feed(b"\n")
    assert ended is not None
    assert MEANING.position(program, ended).inert is None
    one = session(vocabulary, before + "# sec")
    assert {b"nowhere"[:1], b".push", b"lods"} <= admitted(one)


def test_a_word_after_comments_is_judged(vocabulary: Vocabulary) -> None:
    one = session(vocabulary, "x = [1]\n# first\n# second\n")
    assert b"x" in admitted(one)
    one.accept_text(b"x.")
    assert b"append" in admitted(one)
    assert b"push" not in admitted(one)


def test_what_ends_a_colon_ends_the_name_before_it(vocabulary: Vocabulary) -> None:
    """`if foo:` may become `if foo :=`, but neither `if foo:-` nor `if foo is`."""
    one = session(vocabulary, "x = 1\nif foo")
    found = admitted(one)
    assert {b":", b" "} <= found
    assert not {b": ", b":\n", b" is", b" or"} & found


@pytest.mark.parametrize(
    ("before", "written", "after", "is_right"),
    [
        # What is wrong further down is no fault of what is written, wherever that ends.
        ("x = ", "len('abc')", "\n1 + ''\n", True),
        ("x = ", "1 + ''", "\n1 + ''\n", False),
        ("def f(a: int):\n    x = ", "a", "\n    return x\nf('')\n", True),
        # Nor is what the text after it makes wrong of that before it.
        ("def f():\n    return missing\nx = ", "1", "\n", True),
        # What it may bring is due.
        ("def f(a: int):\n    ", "x = a", "\n    1 + ''\n    return x\n", True),
        ("def f(a: int):\n    ", "y = a", "\n    1 + ''\n    return x\n", False),
        ("class A:\n    def f(self):\n        ", "self.x = 1", "\n        print(self.x)\n", True),
        ("class A:\n    def f(self):\n        ", "self.y = 1", "\n        print(self.x)\n", False),
        ("def f(a: int) -> int:\n    ", "return a", "\n\n1 + ''\n", True),
        ("def f(a: int) -> int:\n    ", "print(a)", "\n\n1 + ''\n", False),
        # Unless another statement, still to be written, may bring it.
        ("def f(a: int):\n    ", "y = a", "\n    ...\n    return x\n", True),
    ],
)
def test_what_is_wrong_around_the_cursor_from_the_start_is_given(
    vocabulary: Vocabulary, before: str, written: str, after: str, is_right: bool
) -> None:
    one = session(vocabulary, before, context={"prefix": before, "suffix": after})
    one.accept_text(written.encode())
    assert one.explain(vocabulary.eos[0]).admitted == is_right


def test_a_word_makes_an_operand_of_what_a_statement_binds(vocabulary: Vocabulary) -> None:
    found = admitted(session(vocabulary, "with open('f') as f"))
    assert b":" in found
    assert b" or" not in found
