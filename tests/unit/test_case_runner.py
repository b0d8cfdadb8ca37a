"""The runner of the cases: what it reads, and that each of its checks can fail.

A toy language of brackets stands in for the engine, and wrong engines for the wrong answers that
the laws must notice.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ananke.outcome import Explanation
from ananke.vocabulary import Vocabulary
from tests.case_runner.checking import check_marks, spell_expected, walk_program
from tests.case_runner.engine import NotAdmitted, State, small_vocabulary
from tests.case_runner.evidence import ask_oracle
from tests.case_runner.laws import check_laws
from tests.case_runner.oracles import Oracle
from tests.case_runner.reading import Block, CaseError, read_cases

pytest_plugins = ["pytester"]

LANGUAGES = ("toy", "tab")
CLOSES = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class Terminal:
    """A terminal of the toy language."""

    name: str
    named: bool = False


@dataclass(frozen=True)
class Brackets:
    """A state of the toy language: letters between round and square brackets that match."""

    text: str = ""
    open: str = ""

    def feed(self, text: bytes) -> Brackets | None:
        state = self
        for character in text.decode("latin-1"):
            if character in CLOSES:
                state = Brackets(state.text + character, state.open + CLOSES[character])
            elif state.open.endswith(character):
                state = Brackets(state.text + character, state.open[:-1])
            elif character.isascii() and (character.isalpha() or character == "\n"):
                state = Brackets(state.text + character, state.open)
            else:
                return None
        return state

    def can_end(self) -> bool:
        return not self.open

    def expected(self) -> tuple[Terminal, ...]:
        closing = (Terminal(self.open[-1]),) if self.open else ()
        return (Terminal("["), Terminal("("), *closing, Terminal("word", named=True))

    def shortest_completion(self) -> bytes | None:
        return self.open[::-1].encode()


class Engine:
    """The toy language over a small vocabulary."""

    vocabulary = small_vocabulary([b"(a) [bc] ab", b"(a)"])

    def start(self) -> State:
        return Brackets()

    def admitted(self, state: State) -> frozenset[int]:
        eos = self.vocabulary.eos if state.can_end() else ()
        return frozenset(
            [*eos, *(token for token, text in spelt(self.vocabulary) if state.feed(text))]
        )

    def session(self) -> Steps:
        return Steps(self.vocabulary, [self.start()])

    def session_admits(self, session: Steps) -> frozenset[int]:
        return self.admitted(session.states[-1])


@dataclass
class Steps:
    """A session of the toy language."""

    vocabulary: Vocabulary
    states: list[State]

    def accept(self, token: int) -> None:
        after = self.states[-1].feed(self.vocabulary.token_bytes(token))
        if after is None or token in self.vocabulary.eos:
            raise NotAdmitted(token, Explanation(False, "toy", "dead"))
        self.states.append(after)

    def rollback(self, tokens: int) -> None:
        del self.states[-tokens:]

    def fork(self) -> Steps:
        return dataclasses.replace(self, states=self.states.copy())


def spelt(vocabulary: Vocabulary) -> list[tuple[int, bytes]]:
    tokens = range(vocabulary.size)
    return [(token, text) for token in tokens if (text := vocabulary.token_bytes(token))]


def read(program: str, header: str = "toy", prose: str = "Why.") -> tuple[Block, ...]:
    body = textwrap.dedent(program).strip("\n")
    return read_cases(f"# Title\n\n## Name\n\n{prose}\n\n```{header}\n{body}\n```\n", LANGUAGES)


def check(program: str, header: str = "toy", engine: Engine | None = None) -> None:
    """Reads, checks and obeys the laws, as the collected test does."""
    engine = engine or Engine()
    (block,) = read(program, header)
    walk = walk_program(block, engine.start())
    answers = check_marks(block, walk)
    assert not answers, answers
    check_laws(block, walk, engine)


# Reading


def test_a_case_is_read() -> None:
    (block,) = read(
        """
        (a
          ^ allows `)` `b␊`  ``` ` ``` `` `x ``
         ^ expects word, `(`
        b)
         ^ rejects syntax
        """,
        "toy bug since:3.12",
    )
    assert (block.name, block.language, block.since) == ("Name [toy]", "toy", (3, 12))
    assert block.words == {"bug"}
    assert block.program == b"(a\nb)"
    allows, expects, rejects = block.marks
    assert allows.texts == (b")", b"b\n", b"`", b"`x")
    assert (allows.offset, expects.offset, rejects.offset) == (2, 1, 4)
    assert (allows.line, expects.listed, rejects.domain) == (9, "word, `(`", "syntax")


def test_columns_are_characters_and_offsets_are_bytes() -> None:
    (block,) = read("äöü\n  ^ allows `x`")
    assert block.marks[0].offset == 4


def test_a_tab_is_one_column() -> None:
    (block,) = read("a\n\tb\n\t ^ allows `x`")
    assert block.program == b"a\n\tb"
    assert block.marks[0].offset == 4


def test_languages_under_one_heading_are_one_case() -> None:
    text = (
        "## Name\nWhy.\n```toy complete\na\n```\n```tab partial\n(\n```\n```toy partial\n(\n```\n"
    )
    assert [block.name for block in read_cases(text, LANGUAGES)] == [
        "Name [toy]",
        "Name [tab]",
        "Name [toy] 2",
    ]


def test_text_and_inner_fences_are_prose() -> None:
    text = "## Name\nWhy.\n```text\n^ nothing\n```\n````toy complete\n```\n````\n"
    (block,) = read_cases(text, LANGUAGES)
    assert block.program == b"```"


@pytest.mark.parametrize(
    ("program", "header", "problem"),
    [
        ("a\n^ permits `b`", "toy", "no verb 'permits'"),
        ("a\n^", "toy", "a caret without a verb"),
        ("a\n  ^ allows `b`", "toy", "past the end of line 8"),
        ("^ allows `b`", "toy", "no program line above"),
        ("a\n^ allows b", "toy", "'b' is not a text in back-quotes"),
        ("a\n^ allows `b", "toy", "'`b' is not a text in back-quotes"),
        ("a\n^ allows", "toy", "no text in back-quotes"),
        ("a\n^ rejects types", "toy", "'types' is not a text"),
        ("a\n^ ends `b`", "toy", "ends takes no text"),
        ("a\n^ expects", "toy", "expects: what?"),
        ("a", "toy", "asserts nothing"),
        ("a", "toy bug", "asserts nothing"),
        ("a", "toy complete partial", "not both"),
        ("a", "toy finished", "no fence word 'finished'"),
        ("a", "perl complete", "no language 'perl'"),
        ("ab\n^ rejects\n ^ rejects", "toy", "at one place only"),
        ("ab\n^ rejects\n ^ allows `b`", "toy", "rejected before this place"),
        ("a\n^ rejects", "toy complete", "neither complete nor partial"),
        ("a\n ^ rejects", "toy", "no character of the program follows"),
    ],
)
def test_what_is_not_a_case(program: str, header: str, problem: str) -> None:
    with pytest.raises(CaseError) as caught:
        read(program, header)
    assert problem in caught.value.problem
    assert caught.value.line >= 7


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("## A\n```toy complete\na\n```\n", 2, "no sentence that says why"),
        ("```toy complete\na\n```\n", 1, "no heading"),
        ("# T\n## A\nWhy.\n", 2, "'A' has no program"),
        ("## A\nWhy.\n```toy complete\na\n## B\n", 3, "never closed"),
        ("## A\nWhy.\n```toy complete\na\n```\n## A\n", 6, "second case"),
    ],
)
def test_what_is_not_a_file_of_cases(text: str, line: int, problem: str) -> None:
    with pytest.raises(CaseError, match=problem) as caught:
        read_cases(text, LANGUAGES)
    assert caught.value.line == line


# Marks


@pytest.mark.parametrize(
    ("program", "header"),
    [
        ("(a)", "toy complete"),
        ("(a", "toy partial"),
        ("(a]\n  ^ rejects\n  ^ allows `)` `[b])`\n  ^ rejects `]` `[)` `b]`", "toy"),
        ("(a)\n^ ends\n ^ unfinished\n   ^ ends", "toy"),
        ("(\n ^ expects word, `(`, `)`, `[`\n ^ expects `)`, word, ...\n", "toy"),
    ],
)
def test_what_holds(program: str, header: str) -> None:
    check(program, header)


@pytest.mark.parametrize(
    ("program", "header", "problem"),
    [
        ("(a", "toy complete", "complete: the program may not end here"),
        ("(a)", "toy partial", "partial: the program may end here"),
        ("(a\n ^ ends", "toy", "ends: the program may not end here"),
        ("(a)\n^ unfinished", "toy", "unfinished: the program may end here"),
        ("(]a)", "toy complete", "the program is dead at b']a)' (line 1, column 2)"),
        ("(a)\n  ^ rejects", "toy", "rejects: b')' (line 1, column 3) is live"),
        ("(a\n  ^ allows `)` `b]`", "toy", "allows: dead at b']' (line 1, column 2)"),
        ("(a\n  ^ rejects `]` `)`", "toy", "rejects: ')' is live"),
        ("(a\n  ^ rejects `]b`", "toy", "rejects: ']b' is dead before its last character"),
    ],
)
def test_what_does_not_hold(program: str, header: str, problem: str) -> None:
    with pytest.raises(CaseError) as caught:
        check(program, header)
    assert problem in caught.value.problem


def test_answers_that_differ_are_told() -> None:
    (block,) = read("(\n ^ expects word\n^ expects `{`, `(`, ...\n^ expects ?")
    answers = check_marks(block, walk_program(block, Brackets()))
    assert [(answer.mark.line, answer.listed) for answer in answers] == [
        (9, "word, `(`, `)`, `[`"),
        (10, "`(`, ..."),
        (11, "word, `(`, `[`"),
    ]


def test_expected_terminals_are_spelt() -> None:
    terminals = [Terminal("`"), Terminal("\n"), Terminal("name", named=True)]
    assert spell_expected("?", terminals) == "name, `` ` ``, `␊`"
    assert spell_expected("`` ` ``, x, ...", terminals) == "`` ` ``, ..."
    assert spell_expected("?", []) == "(nothing)"


# Laws


class MaskTooWide(Engine):
    """A bit too many."""

    def admitted(self, state: State) -> frozenset[int]:
        return super().admitted(state) | {ord("!")}


class MaskTooNarrow(Engine):
    """A bit too few."""

    def admitted(self, state: State) -> frozenset[int]:
        return super().admitted(state) - {ord("q")}


class MaskForgetsTheEnd(Engine):
    """The bit of EOS is never set."""

    def admitted(self, state: State) -> frozenset[int]:
        return super().admitted(state) - {*self.vocabulary.eos}


class FeedingWearsOut(Engine):
    """Its second mask of a state is another one."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def admitted(self, state: State) -> frozenset[int]:
        assert isinstance(state, Brackets)
        worn = state.text in self.seen
        self.seen.add(state.text)
        return super().admitted(state) - ({ord("a")} if worn else set())


class DiesInOnePiece(Engine):
    """A long text dies when it is fed at once."""

    @dataclass(frozen=True)
    class _Fragile(Brackets):
        def feed(self, text: bytes) -> State | None:  # type: ignore[override]
            after = super().feed(text)
            if after is None or (not self.text and len(text) > 3):
                return None
            return DiesInOnePiece._Fragile(after.text, after.open)

    def start(self) -> State:
        return self._Fragile()


class Counting(Engine):
    """Whether the text may end depends on the number of pieces that it came in."""

    @dataclass(frozen=True)
    class _Counted(Brackets):
        pieces: int = 0

        def feed(self, text: bytes) -> State | None:  # type: ignore[override]
            after = super().feed(text)
            return after and Counting._Counted(after.text, after.open, self.pieces + 1)

        def can_end(self) -> bool:
            return super().can_end() and self.pieces != 1

        def shortest_completion(self) -> bytes | None:
            return super().shortest_completion() if self.pieces != 1 else b"\n"

    def start(self) -> State:
        return self._Counted()


class NoCompletion(Engine):
    """Every state has the same completion, or none."""

    @dataclass(frozen=True)
    class _Endless(Brackets):
        found: bytes | None = None

        def feed(self, text: bytes) -> State | None:  # type: ignore[override]
            after = super().feed(text)
            return after and NoCompletion._Endless(after.text, after.open, self.found)

        def shortest_completion(self) -> bytes | None:
            return self.found

    def __init__(self, found: bytes | None) -> None:
        self.found = found

    def start(self) -> State:
        return self._Endless(found=self.found)


class SessionsMaskDiffers(Engine):
    """The mask of a session lacks a bit."""

    def session_admits(self, session: Steps) -> frozenset[int]:
        return super().session_admits(session) - {ord("a")}


class RefusesNothing(Engine):
    """A session that swallows refused tokens."""

    class _Lax(Steps):
        def accept(self, token: int) -> None:
            try:
                super().accept(token)
            except NotAdmitted:
                self.states.append(self.states[-1])

    def session(self) -> Steps:
        return self._Lax(self.vocabulary, [self.start()])


class SharedForks(Engine):
    """A fork is the session itself."""

    class _Shared(Steps):
        def fork(self) -> Steps:
            return self

        def rollback(self, tokens: int) -> None:
            raise AssertionError("the law on forks comes first")

    def session(self) -> Steps:
        return self._Shared(self.vocabulary, [self.start()])


class RollsBackElsewhere(Engine):
    """Rollback leaves another state behind."""

    class _Astray(Steps):
        def rollback(self, tokens: int) -> None:
            super().rollback(tokens)
            last = self.states[-1]
            assert isinstance(last, Brackets)
            self.states[-1] = Brackets(last.text, "]" + last.open)

    def session(self) -> Steps:
        return self._Astray(self.vocabulary, [self.start()])


@pytest.mark.parametrize(
    ("engine", "law"),
    [
        (MaskTooWide, "mask equals feeding: b'!' does not feed, its bit is set"),
        (MaskTooNarrow, "mask equals feeding: b'q' feeds, its bit is clear"),
        (MaskForgetsTheEnd, "mask equals feeding: EOS feeds, its bit is clear"),
        (FeedingWearsOut, "feeding leaves the state alone"),
        (DiesInOnePiece, "the cut does not matter: dead when cut as"),
        (Counting, "the cut does not matter: may end or not when cut as"),
        (lambda: NoCompletion(None), "a live state has a completion"),
        (lambda: NoCompletion(b"("), "the shortest completion completes"),
        (lambda: NoCompletion(b"a"), "the shortest completion is the shortest"),
        (SessionsMaskDiffers, "a session's mask is its state's"),
        (RefusesNothing, "a refused token raises"),
        (SharedForks, "a fork is independent"),
        (RollsBackElsewhere, "rollback then replay"),
    ],
)
def test_a_broken_law_is_noticed(engine: Callable[[], Engine], law: str) -> None:
    with pytest.raises(CaseError) as caught:
        check("(aq[b])", "toy complete", engine())
    assert law in caught.value.problem


# The compiler


def oracle(*, also: bytes = b"!", but: bytes = b"?") -> Oracle:
    """A compiler of the toy language that takes one text more, and one less."""

    def complaint(text: bytes) -> str | None:
        state = Brackets().feed(text)
        fine = text == also or (state is not None and state.can_end() and text != but)
        return None if fine else "no"

    return Oracle("toyc", complaint)


def ask(program: str, header: str, judge: Oracle) -> None:
    (block,) = read(program, header)
    ask_oracle(block, walk_program(block, Brackets()), judge)


REJECTED = "(a]b\n  ^ rejects\n  ^ allows `b`"


@pytest.mark.parametrize(
    ("program", "header"),
    [("(a)", "toy complete"), ("(a", "toy partial"), (REJECTED, "toy")],
)
def test_a_compiler_agrees(program: str, header: str) -> None:
    ask(program, header, oracle())


@pytest.mark.parametrize(
    ("program", "header", "judge", "problem"),
    [
        ("(a)", "toy complete", oracle(but=b"(a)"), "complete: toyc refuses '(a)': no"),
        ("(a", "toy partial", oracle(also=b"(a"), "partial: toyc accepts '(a'"),
        ("(a", "toy partial", oracle(but=b"(a)"), "live to its end: toyc refuses '(a'"),
        (REJECTED, "toy", oracle(also=b"(a]"), "rejects: toyc accepts '(a]'"),
        (REJECTED, "toy", oracle(also=b"(a]b"), "rejects: toyc accepts '(a]b'"),
        ("a\n^ ends", "toy", oracle(but=b""), "ends: toyc refuses ''"),
        ("(a)\n ^ unfinished", "toy", oracle(also=b"("), "unfinished: toyc accepts '('"),
        ("(a)\n ^ allows `[]`", "toy", oracle(but=b"([]a)"), ""),
        ("(\n ^ allows `[]`", "toy", oracle(but=b"([])"), "allows: toyc refuses '([]': no"),
        ("(\n ^ rejects `]`", "toy", oracle(also=b"(])"), "rejects: toyc accepts '(])'"),
    ],
)
def test_a_compiler_disagrees(program: str, header: str, judge: Oracle, problem: str) -> None:
    if not problem:
        ask(program, header, judge)
        return
    with pytest.raises(CaseError) as caught:
        ask(program, header, judge)
    assert problem in caught.value.problem


def test_a_bug_is_one_only_while_the_compiler_disagrees() -> None:
    ask("(a", "toy bug partial", oracle(also=b"(a"))
    with pytest.raises(CaseError, match="no bug: toyc agrees"):
        ask("(a", "toy bug partial", oracle())


# Pytest's side


CASES = """# Toy

## Numbers

Why.

```python complete
x = 1
    ^ expects ?
```

## Wrong

Why.

```python complete
x = )
```
"""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest("from tests.cases.conftest import *  # noqa: F403")
    pytester.path.joinpath("toy.md").write_text(CASES)
    pytester.path.joinpath("README.md").write_text("not a case")
    return pytester


def test_cases_are_collected_and_fail_with_their_place(folder: pytest.Pytester) -> None:
    outcome = folder.runpytest_inprocess("-p", "no:cacheprovider")
    outcome.assert_outcomes(failed=2)
    outcome.stdout.fnmatch_lines(
        [
            "*toy.md:9: expects: *, `(`, *--update rewrites it",
            "*toy.md:16: the program is dead at b')' (line 1, column 5)",
        ]
    )


def test_stored_answers_are_rewritten(folder: pytest.Pytester) -> None:
    before = CASES.split("\n")
    folder.runpytest_inprocess("--update").assert_outcomes(passed=1, failed=1)
    after = folder.path.joinpath("toy.md").read_text().split("\n")
    assert [at for at in range(len(before)) if before[at] != after[at]] == [8]
    assert after[8].startswith("    ^ expects ")
    assert "`(`" in after[8]
    folder.runpytest_inprocess("-k", "Numbers").assert_outcomes(passed=1, deselected=1)


def test_compilers_are_asked(folder: pytest.Pytester) -> None:
    text = (
        "## Old\nWhy.\n```python complete since:99.0\nx\n```\n"
        "## Bug\nWhy.\n```python bug complete\nx\n```\n"
    )
    folder.path.joinpath("toy.md").write_text(text)
    outcome = folder.runpytest_inprocess("--oracle")
    outcome.assert_outcomes(failed=1, skipped=1)
    outcome.stdout.fnmatch_lines(["*no bug: ast.parse agrees with all that is claimed*"])


def test_a_file_that_cannot_be_read_is_an_error(folder: pytest.Pytester) -> None:
    folder.path.joinpath("toy.md").write_text("## A\n```python complete\nx\n```\n")
    outcome = folder.runpytest_inprocess()
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*toy.md:2: the case has no heading, or no sentence*"])
