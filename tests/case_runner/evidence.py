"""What a case claims of its language, put to the real compiler.

A compiler judges whole programs, a case speaks of places. A place that is live has a completion
that the compiler accepts: the engine's shortest, after each text that the case allows there, or
the rest of the program. A text that is dead has none: those same completions are all refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.case_runner.checking import Walk
from tests.case_runner.engine import State
from tests.case_runner.oracles import Oracle
from tests.case_runner.reading import Block, CaseError, Mark

__all__ = ["ask_oracle", "false_claims"]


@dataclass(frozen=True)
class _Claim:
    """Either one of the texts at least is a program, or none is."""

    line: int
    claim: str
    texts: tuple[bytes, ...]
    accepted: bool


def ask_oracle(block: Block, walk: Walk, oracle: Oracle) -> None:
    """Compares a case with the compiler.

    Raises:
        CaseError: the compiler disagrees; or the case is a `bug` and the compiler agrees.
    """
    false = false_claims(block, walk, oracle)
    if "bug" in block.words:
        if not false:
            raise CaseError(block.line, f"no bug: {oracle.name} agrees with all that is claimed")
    elif false:
        raise false[0]


def false_claims(block: Block, walk: Walk, oracle: Oracle) -> list[CaseError]:
    """What the compiler says against each claim that it disagrees with."""
    found: list[CaseError] = []
    for claim in _claims(block, walk):
        verdicts = [(text, oracle.complaint(text)) for text in claim.texts]
        accepted = [text for text, complaint in verdicts if complaint is None]
        if claim.accepted and not accepted:
            text, complaint = verdicts[0]
            problem = f"{claim.claim}: {oracle.name} refuses {text.decode()!r}: {complaint}"
            found.append(CaseError(claim.line, problem))
        if not claim.accepted and accepted:
            problem = f"{claim.claim}: {oracle.name} accepts {accepted[0].decode()!r}"
            found.append(CaseError(claim.line, problem))
    return found


def _claims(block: Block, walk: Walk) -> Iterator[_Claim]:
    program = block.program
    if "complete" in block.words:
        yield _Claim(block.line, "complete", (program,), True)
    elif (rejected := block.rejected) is None:
        yield _live(block, walk, block.line, "live to its end", len(program), b"")
        if "partial" in block.words:
            yield _Claim(block.line, "partial", (program,), False)
    else:
        at = rejected.offset
        yield _live(block, walk, rejected.line, "live to here", at, b"")
        character = program[at:].decode()[0].encode()
        yield _dead(block, walk, rejected, character)
    for mark in block.marks:
        before = program[: mark.offset]
        if mark.verb == "ends":
            yield _Claim(mark.line, "ends", (before,), True)
        if mark.verb == "unfinished":
            yield _Claim(mark.line, "unfinished", (before,), False)
        for text in mark.texts:
            if mark.verb == "allows":
                yield _live(block, walk, mark.line, "allows", mark.offset, text)
            if mark.verb == "rejects":
                yield _dead(block, walk, mark, text)


def _live(block: Block, walk: Walk, line: int, claim: str, offset: int, text: bytes) -> _Claim:
    """The completions after `text` at a place: one must be accepted."""
    before, rest = block.program[:offset], block.program[offset:]
    texts = [before + text + rest] if block.rejected is None else []
    allowed = [
        further
        for mark in block.marks
        if mark.offset == offset and mark.verb == "allows"
        for further in mark.texts
        if further.startswith(text)
    ]
    for longer in dict.fromkeys([text, *allowed]):
        after = walk.states[offset].feed(longer)
        if after is not None:
            texts.append(before + longer + _completion(after))
    return _Claim(line, claim, tuple(dict.fromkeys(texts)), True)


def _dead(block: Block, walk: Walk, mark: Mark, text: bytes) -> _Claim:
    """What might complete the program after a refused text: none must be accepted."""
    before, rest = block.program[: mark.offset], block.program[mark.offset :]
    endings = [b"", b"\n", rest, rest.removeprefix(text), _completion(walk.states[mark.offset])]
    texts = dict.fromkeys(before + text + ending for ending in endings)
    return _Claim(mark.line, "rejects", tuple(texts), False)


def _completion(state: State) -> bytes:
    return state.shortest_completion() or b""
