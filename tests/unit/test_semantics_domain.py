"""The semantics domain in a session: what is refused, when, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ananke.analysis.formulas.statements import Forget, Function
from ananke.domains.semantics.narrowing import narrow
from ananke.languages import get_semantics
from ananke.masks import allocate, tokens_of
from ananke.parsing import load_grammar
from ananke.parsing.state import ParseState
from ananke.session import NotAdmitted, Session
from ananke.spec import SpecError, parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

#: Tokens that are more than a byte: ends of statements, claims, both in one.
_WORDS = (
    "return assert while for in range len not and if else elif : ; # , \n \n\n \r\n :\n ;\n ,\n "
    "#x 0\n 1\n //0\n /0; [9] [9]\n )\n \nx \n\nx \nreturn return;\n x\n -x\n x;\n xs 0:"
)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    pieces = {one.encode() for one in _WORDS.split(" ") if one}
    pieces |= {b" " + one for one in pieces}
    pieces |= {bytes([byte]) for byte in range(256)}
    pieces |= {b"    ", b"\n    ", b"\n        ", b"\n    x", b"\n        y", b"\n\n    return"}
    tokens = [*sorted(pieces), b""]
    return from_tokens(tokens, eos=[len(tokens) - 1], name="statements")


def contract(name: str = "f", **more: object) -> dict[str, object]:
    return {"functions": [{"name": name, **more}]}


def session(
    vocabulary: Vocabulary,
    prefix: str = "",
    contracts: dict[str, object] | None = None,
    suffix: str | None = None,
) -> Session:
    spec = {
        "language": "python",
        "domains": ["syntax", "semantics"],
        "context": {"prefix": prefix, "suffix": suffix},
        "contracts": contracts or {},
    }
    return Session(parse_spec(spec), vocabulary)


def ids_of(vocabulary: Vocabulary) -> dict[bytes, int]:
    return {vocabulary.token_bytes(token): token for token in range(vocabulary.size)}


def refused_at(one: Session, text: str) -> str | None:
    """What of the text is written when it is refused; None if all of it may be, and end there."""
    ids = ids_of(one.vocabulary)
    for at, byte in enumerate(text.encode()):
        try:
            one.accept(ids[bytes([byte])])
        except NotAdmitted:
            return text[: at + 1]
    try:
        one.accept(one.vocabulary.eos[0])
    except NotAdmitted:
        return text + "<eos>"
    return None


def bits(one: Session) -> set[int]:
    rows = allocate(1, one.vocabulary.size)
    one.mask(rows)
    return set(tokens_of(rows[0]).tolist())


ABSOLUTE = contract(
    parameters=[{"name": "x", "type": "int"}],
    result="int",
    post=["result >= 0", "result in (x, -x)"],
)


class TestPostconditions:
    """A return that breaks one is refused, once it is final."""

    def test_a_right_function_is_admitted(self, vocabulary):
        text = "def f(x):\n    if x < 0:\n        return -x\n    return x\n"
        assert refused_at(session(vocabulary, contracts=ABSOLUTE), text) is None

    def test_a_wrong_return_is_refused_when_its_line_ends(self, vocabulary):
        text = "def f(x):\n    if x > 0:\n        return -x\n    return x\n"
        stop = "def f(x):\n    if x > 0:\n        return -x\n"
        assert refused_at(session(vocabulary, contracts=ABSOLUTE), text) == stop

    def test_what_is_returned_by_falling_off_the_end_counts(self, vocabulary):
        text = "def f(x):\n    if x > 0:\n        return x\n\ny = 1\n"
        stop = "def f(x):\n    if x > 0:\n        return x\n\ny"
        assert refused_at(session(vocabulary, contracts=ABSOLUTE), text) == stop

    def test_or_at_the_end_of_the_text(self, vocabulary):
        text = "def f(x):\n    if x > 0:\n        return x\n"
        assert refused_at(session(vocabulary, contracts=ABSOLUTE), text) == text + "<eos>"

    def test_a_precondition_may_be_relied_on(self, vocabulary):
        text = "def f(x: int) -> int:\n    return 10 // x\n"
        bare = contract(post=["result <= 10"])
        assert refused_at(session(vocabulary, contracts=bare), text) == text
        bound = contract(pre=["x > 0"], post=["result <= 10"])
        assert refused_at(session(vocabulary, contracts=bound), text) is None

    def test_an_exception_that_the_function_raises_itself_is_no_result(self, vocabulary):
        text = "def f(x: int):\n    if x < 0:\n        raise ValueError\n    return x\n"
        assert (
            refused_at(session(vocabulary, contracts=contract(post=["result >= 0"])), text) is None
        )

    def test_an_empty_list_is_a_list(self, vocabulary):
        text = "def f(xs: list[int]) -> int:\n    return xs[0]\n"
        bare, bound = contract(post=["result in xs"]), contract(pre=["xs"], post=["result in xs"])
        assert refused_at(session(vocabulary, contracts=bare), text) == text
        assert refused_at(session(vocabulary, contracts=bound), text) is None

    def test_a_loop_counts_once_it_is_closed(self, vocabulary):
        text = (
            "def f(xs: list[int]) -> int:\n    n = 0\n    for x in xs:\n        n += 1\n"
            "    return n\n"
        )
        right, wrong = contract(post=["result == len(xs)"]), contract(post=["result < 2"])
        assert refused_at(session(vocabulary, contracts=right), text) is None
        assert refused_at(session(vocabulary, contracts=wrong), text) == text

    def test_what_can_not_be_followed_is_admitted(self, vocabulary):
        text = "def f(x: int) -> int:\n    return other(x)\n"
        assert (
            refused_at(session(vocabulary, contracts=contract(post=["result > 3"])), text) is None
        )

    def test_a_method_has_its_name_with_its_class(self, vocabulary):
        text = "class A:\n    def f(self, x: int) -> int:\n        return x\n"
        asked = contract("A.f", post=["result > x"])
        assert refused_at(session(vocabulary, contracts=asked), text) == text
        assert (
            refused_at(session(vocabulary, contracts=contract("f", post=["False"])), text) is None
        )


ACCOUNT: dict[str, object] = {
    "classes": [
        {
            "name": "Account",
            "fields": [{"name": "balance", "type": "int"}],
            "invariant": ["self.balance >= 0"],
        }
    ]
}
HEAD = "class Account:\n    def __init__(self):\n        self.balance = 0\n\n"


class TestInvariants:
    """Of classes and loops."""

    def test_a_constructor_must_bring_it_about(self, vocabulary):
        assert refused_at(session(vocabulary, contracts=ACCOUNT), HEAD) is None
        wrong = HEAD.replace("= 0", "= -1")
        assert refused_at(session(vocabulary, contracts=ACCOUNT), wrong) == wrong + "<eos>"

    def test_a_method_must_keep_it(self, vocabulary):
        right = HEAD + (
            "    def take(self, n: int) -> None:\n        if 0 < n <= self.balance:\n"
            "            self.balance -= n\n"
        )
        assert refused_at(session(vocabulary, contracts=ACCOUNT), right) is None
        wrong = right.replace("0 < n <=", "0 < n <= 1 +")
        assert refused_at(session(vocabulary, contracts=ACCOUNT), wrong) == wrong + "<eos>"

    def test_one_of_a_loop_must_hold_before_each_round(self, vocabulary):
        text = "def f(n: int):\n    i = 0\n    while i < n:\n        i += 2\n    return i\n"
        loops = [{"loop": 0, "invariant": ["i <= n"]}]
        asked = contract(pre=["n >= 0"], loops=loops)
        assert refused_at(session(vocabulary, contracts=asked), text) == text[: -len("eturn i\n")]
        right = text.replace("+= 2", "+= 1")
        assert refused_at(session(vocabulary, contracts=asked), right) is None


class TestWithoutContracts:
    """What fails whatever the arguments are, and what only seems to."""

    @pytest.mark.parametrize(
        ("text", "stop"),
        [
            ("x = 0\ny = 1 // x\nz = 1\n", "x = 0\ny = 1 // x\n"),
            ("x = [1, 2]\ny = x[2];z = 1\n", "x = [1, 2]\ny = x[2];"),
            ("def f(x: int):\n    assert x < 0 < x\n", "def f(x: int):\n    assert x < 0 < x\n"),
            (
                "def f(x: int):\n    assert x < 0 < x, 'no'\n",
                "def f(x: int):\n    assert x < 0 < x,",
            ),
            ("def f(s: str):\n    return 5 % len(s[:0])\n", None),
        ],
    )
    def test_what_fails_for_sure_is_refused(self, vocabulary, text, stop):
        found = refused_at(session(vocabulary), text)
        assert found == (stop or text)

    @pytest.mark.parametrize(
        "text",
        [
            "def f(x: int):\n    assert x > 0\n    return 1 // x\n",
            "def f(xs: list[int]):\n    assert len(xs) > 100\n    return xs[50]\n",
            "def f(x: int):\n    if x:\n        return x\n    assert False, 'never'\n",
            "import pytest\nwith pytest.raises(ZeroDivisionError):\n    x = 1 // 0\n",
            "try:\n    x = 1 // 0\nexcept ZeroDivisionError:\n    x = 0\n",
            "1 / 0\n",
            "x = 0\ndef f():\n    global x\n    x = 1\nf()\ny = 1 // x\n",
            "from m import *\nx = 0\nfrom n import *\ny = 1 // x\n",
            "def f():\n    x = 0\n    def g():\n        nonlocal x\n        x = 1\n"
            "    g()\n    return 1 // x\n",
            "def f(a):\n    xs = [1]\n    ys = xs\n    ys.append(2)\n    return xs[1]\n",
            "def f(a):\n    xs = [1]\n    ys = xs\n    ys += [2]\n    return xs[1]\n",
            "def f(a):\n    xs = [1]\n    rows = [xs]\n    rows[0].append(2)\n    return xs[1]\n",
            "def f(a):\n    xs = [1]\n    a(xs)\n    return xs[1]\n",
            "def f(a):\n    x = 0\n    match a:\n        case [x]:\n            pass\n"
            "    return 1 // x\n",
            "def f(x: int):\n    while x > 0:\n        with a:\n            break\n"
            "    assert x > 5\n",
            "def len(x):\n    return 1\n\ny = 1 // len([])\n",
            "class A:\n    x = 0\n\na = A()\na.x = 0\nb = a\nb.x = 1\nc = 1 // a.x\n",
            "x = reversed([1])\ny = list(x)\nassert len(list(x)) == 0\n",
            "x = 0\n[x := 3 for _ in 'a']\ny = 1 // x\n",
        ],
    )
    def test_what_may_be_right_is_admitted(self, vocabulary, text):
        assert refused_at(session(vocabulary), text) is None


class TestPlaces:
    """Text that is given is not judged."""

    def test_what_the_prefix_does_is_not_held_against_the_text(self, vocabulary):
        one = session(vocabulary, "x = 1 // 0\n")
        assert refused_at(one, "y = 1\n") is None

    def test_a_function_that_the_prefix_begins_is_judged(self, vocabulary):
        one = session(vocabulary, "def f(x):\n    return ", ABSOLUTE)
        assert refused_at(one, "x\n") == "x\n"

    def test_the_suffix_is_part_of_what_ends(self, vocabulary):
        one = session(vocabulary, "def f(x):\n    return ", ABSOLUTE, suffix="\n")
        assert refused_at(one.fork(), "x") == "x<eos>"
        assert refused_at(one, "abs(x)") is None

    def test_the_explanation_names_the_condition_and_a_call(self, vocabulary):
        one = session(vocabulary, "def f(x):\n    return x", ABSOLUTE)
        explained = str(one.explain(ids_of(vocabulary)[b"\n"]))
        assert "result >= 0" in explained
        assert "spec.contracts.functions[0].post[0]" in explained
        assert "x = -1" in explained


class TestConditions:
    """A condition that the language doesn't take is an error before the first token."""

    @pytest.mark.parametrize(
        ("asked", "path", "says"),
        [
            (contract(post=["result >="]), "functions[0].post[0]", "not an expression"),
            (contract(pre=["result > 0"]), "functions[0].pre[0]", "result"),
            (
                contract(parameters=[{"name": "x", "type": "int"}], pre=["len(x) > 0"]),
                "functions[0].pre[0]",
                "int",
            ),
            (
                contract(parameters=[{"name": "x", "type": "list["}]),
                "functions[0].parameters[0].type",
                "not a type",
            ),
            (
                {
                    "classes": [
                        {
                            "name": "A",
                            "fields": [{"name": "x", "type": "int"}],
                            "invariant": ["self.y > 0"],
                        }
                    ]
                },
                "classes[0].invariant[0]",
                "`y`",
            ),
        ],
    )
    def test_one_that_is_none_is_an_error_with_its_place(self, vocabulary, asked, path, says):
        with pytest.raises(SpecError) as caught:
            session(vocabulary, contracts=asked)
        assert caught.value.path == f"spec.contracts.{path}"
        assert says in caught.value.problem

    def test_all_of_them_are_reported(self, vocabulary):
        with pytest.raises(SpecError) as caught:
            session(vocabulary, contracts=contract(pre=["("], post=["1 +"]))
        assert len(caught.value.violations) == 2

    def test_a_language_without_the_domain_is_an_error(self, vocabulary):
        with pytest.raises(SpecError) as caught:
            Session(parse_spec({"language": "go", "domains": ["syntax", "semantics"]}), vocabulary)
        assert caught.value.path == "spec.domains[1]"


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "def f(x):\n    return x",
        "def f(x):\n    return -1",
        "def f(x):\n    return x if x else (",
        "def f(x):\n    if x > 0:\n        return x\n",
        "def f(x):\n    if x > 0:\n        return x\n    ",
        "def f(x):\n    if x > 0:\n        return x\n    else:\n        return -x\n",
        "def f(x):\n    assert x > 0 and x < 0",
        "def f(x):\n    y = 1 /",
        "def f(x):\n    y = 1 /0",
        "def f(x):\n    for i in range(3):\n        if i < x:\n            return x\n",
        "def f(x):\n    while x > 0:\n        return x\n\n",
        "def f(x):\n    return abs(x);",
        "x = [1, 2][",
        "x = '''return ",
        "y = (1\n",
        "if 1 // 0",
        "x = 0\nif 1 // x",
        "x = 0\ny = 2 # ",
    ],
)
def test_the_mask_is_what_may_be_accepted(vocabulary, prefix):
    compare_mask(session(vocabulary, contracts=ABSOLUTE), prefix)


@pytest.mark.parametrize(
    "prefix",
    [
        "x = 0\nwhile y < 3:\n    a = 1 // x\n    y += 1\n",
        "x = 0\nwhile y < 3:\n    a = 1 // x\n    y += 1\nels",
        "def f():\n    x = 5\n    for i in range(9):\n        if x > 3:\n            q = [1][x]\n",
        "y = [1][x\n",
        "y = (1, [2][9",
        "y = [2][0] # x[0]\n",
        "y = [2][9] # ",
        "y = 'a[",
        "y = f'{[1][9]}",
        "if [1][9]",
        "assert 1 < 0",
        "x = 1\nx",
        "x = 1 /1;",
        "x = ma",
        "x = (1 #\n",
        '"""a[',
    ],
)
def test_the_mask_is_what_may_be_accepted_where_no_contract_is(vocabulary, prefix):
    compare_mask(session(vocabulary), prefix)


def compare_mask(one: Session, prefix: str) -> None:
    """The mask after the prefix, written byte by byte, holds the tokens that are accepted there."""
    vocabulary = one.vocabulary
    ids = ids_of(vocabulary)
    for byte in prefix.encode():
        one.accept(ids[bytes([byte])])
    masked = bits(one)
    for token in range(vocabulary.size):
        fork = one.fork()
        try:
            fork.accept(token)
        except NotAdmitted:
            assert token not in masked, vocabulary.token_bytes(token)
        else:
            assert token in masked, vocabulary.token_bytes(token)


def test_a_mask_that_nothing_is_refused_in_is_syntax_alone(vocabulary):
    with_judge = session(vocabulary, "x = a")
    alone = Session(parse_spec({"language": "python", "context": {"prefix": "x = a"}}), vocabulary)
    assert bits(with_judge) == bits(alone)


def test_a_token_that_brings_its_own_claim_is_judged(vocabulary):
    one = session(vocabulary, "x = 1")
    ids = ids_of(vocabulary)
    assert ids[b"//0\n"] not in bits(one)
    assert ids[b"\n"] in bits(one)


@pytest.mark.parametrize(
    ("prefix", "waits", "is_asked"),
    [
        ("x = a", False, False),
        ("def f(a: int) -> int:\n    return a", False, False),
        ("for i in b:\n    x = 1\n", False, False),
        ("for i in b:\n    x = a[0]\n", True, True),
        ("x = 'a[0] / b'", False, False),
        ("x = 'a[0] /", False, False),
        ("x = (a[0", False, False),
        ("x = a[0]", False, True),
        ("x = a[0] #", False, True),
        ("x = a[0]\n", False, False),
    ],
)
def test_no_text_is_judged_where_nothing_can_be_broken(prefix, waits, is_asked):
    """Statements end and lines begin there, but no claim is under way, nor in a loop that may still
    end."""
    tokens = [*(bytes([byte]) for byte in range(256)), b"\n    x", b"\nx", b"a\n", b"1;", b""]
    vocabulary = from_tokens(tokens, eos=[len(tokens) - 1], name="without claims")
    semantics = get_semantics("python")
    assert semantics is not None
    semantics = replace(semantics, wording=semantics.wording.without_contracts)
    parse = load_grammar("python").start().feed(prefix.encode())
    assert parse is not None
    asked: list[bytes] = []

    def is_right(after: ParseState) -> bool:
        asked.append(after.text())
        return True

    narrow(
        semantics,
        vocabulary,
        parse,
        semantics.under_way(parse),
        is_right,
        is_right,
        lambda: True,
        np.full((vocabulary.size + 31) // 32, -1, np.int32),
        final=semantics.final(parse),
        waits=waits,
    )
    assert bool(asked) == is_asked, asked


def test_a_return_is_a_claim_where_a_contract_is_stated_only() -> None:
    """Without one no token after it is asked about; with one each that may end the statement is."""
    vocabulary = from_tokens(
        [*(bytes([byte]) for byte in range(256)), b"1\n", b""], eos=[257], name="claims"
    )
    prefix = "def f(a: int) -> int:\n    return "
    spec = {"language": "python", "domains": ["syntax", "semantics"], "context": {"prefix": prefix}}
    stated = {**spec, "contracts": {"functions": [{"name": "f", "post": ["result > 1"]}]}}
    admitted = []
    for one in (spec, stated):
        session = Session(parse_spec(one), vocabulary)
        rows = allocate(1, vocabulary.size)
        session.mask(rows)
        admitted.append({vocabulary.token_bytes(int(at)) for at in tokens_of(rows[0])})
        assert session.explain(256).admitted == (b"1\n" in admitted[-1])
    assert admitted[0] - admitted[1] == {b"1\n"}


def test_equal_functions_are_one_to_the_judge() -> None:
    def made(value: int) -> Function:
        return Function("f", (("a", "int"),), "", (Forget((f"x{value}",)),), True, 9, True)

    assert made(1) == made(1)
    assert hash(made(1)) == hash(made(1))
    assert made(1) != made(2)
    assert len({made(1), made(1), made(2)}) == 2
