"""Reads Markdown into cases: headings, prose, fenced programs, and caret lines under them.

## Why the brace is needed              <- the case's name
A block is never empty by accident.     <- why it is there; a case without prose is an error
```zig partial                          <- language and words about the whole program
fn f() void {
            ^ rejects `;`               <- what holds before the character above the caret
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["VERBS", "WORDS", "Block", "CaseError", "Mark", "read_cases"]

#: Words after the language of a fence.
WORDS = ("complete", "partial", "bug", "slow")

#: Verb -> whether it must have texts in back-quotes; None: it has a list of its own.
VERBS = {"allows": True, "rejects": False, "ends": False, "unfinished": False, "expects": None}

#: Domains that a bare `rejects` may name.
DOMAINS = ("syntax",)

_FENCE = re.compile(r"(`{3,})(.*)")
_CARET = re.compile(r"([ \t]*)\^(?:$|[ \t]+(?P<rest>.*))")
_QUOTED = re.compile(r"\s*(?P<ticks>`+)(?P<text>.*?)(?<!`)(?P=ticks)(?!`)")
_SINCE = re.compile(r"since:(\d+(?:\.\d+)*)")

#: How a text in back-quotes spells what can't stand on one line.
_PICTURES = str.maketrans({"␊": "\n", "␉": "\t", "␍": "\r"})


class CaseError(Exception):
    """A case that can't be read or doesn't hold: `line` is that of the file, from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


@dataclass(frozen=True)
class Mark:
    """One caret line: `offset` is the place in the program, in bytes.

    `texts` are the back-quoted texts of `allows` and `rejects`; `listed` is what `expects` says.
    """

    line: int
    offset: int
    verb: str
    texts: tuple[bytes, ...] = ()
    listed: str = ""
    domain: str | None = None


@dataclass(frozen=True)
class Block:
    """One program with what is claimed of it."""

    name: str
    line: int
    language: str
    words: frozenset[str]
    program: bytes
    marks: tuple[Mark, ...]
    #: The compiler's first version that knows the program, as numbers; empty: any.
    since: tuple[int, ...] = ()

    @property
    def rejected(self) -> Mark | None:
        """The mark that says that the program's own next character is dead."""
        return next((mark for mark in self.marks if _is_bare(mark)), None)


@dataclass
class _Section:
    """A heading with the blocks under it, while the file is read."""

    name: str
    line: int
    prose: bool = False
    blocks: list[Block] = field(default_factory=list)


def read_cases(text: str, languages: Sequence[str]) -> tuple[Block, ...]:
    """The cases of a file, in order.

    Args:
        text: the file.
        languages: those that a fence may name; a fence called `text` is prose.

    Raises:
        CaseError: the file is not in the form that the README describes.
    """
    sections: list[_Section] = []
    lines = iter(enumerate(text.split("\n"), start=1))
    for number, line in lines:
        if line.startswith("#"):
            name = line.lstrip("#").strip()
            if any(section.name == name for section in sections):
                raise CaseError(number, f"a second case is called {name!r}")
            sections.append(_Section(name, number))
        elif fence := _FENCE.match(line):
            body = list(_body(lines, number, fence[1]))
            if fence[2].split()[:1] == ["text"]:
                continue
            section = sections[-1] if sections else None
            if section is None or not section.prose:
                raise CaseError(number, "the case has no heading, or no sentence that says why")
            section.blocks.append(_block(section, number, fence[2], body, languages))
        elif line.strip() and sections:
            sections[-1].prose = True
    for section in sections[1:]:
        if not section.blocks:
            raise CaseError(section.line, f"the case {section.name!r} has no program")
    return tuple(block for section in sections for block in section.blocks)


def _body(lines: Iterator[tuple[int, str]], opened: int, ticks: str) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if line.rstrip() == ticks:
            return
        yield number, line
    raise CaseError(opened, "the fence is never closed")


def _block(
    section: _Section,
    number: int,
    header: str,
    body: list[tuple[int, str]],
    languages: Sequence[str],
) -> Block:
    language, *rest = header.split() or [""]
    if language not in languages:
        raise CaseError(number, f"no language {language!r}; there are: {', '.join(languages)}")
    versions = [found for word in rest if (found := _SINCE.fullmatch(word))]
    words = frozenset(word for word in rest if not _SINCE.fullmatch(word))
    if unknown := words.difference(WORDS):
        raise CaseError(number, f"no fence word {min(unknown)!r}; there are: {', '.join(WORDS)}")
    if {"complete", "partial"} <= words:
        raise CaseError(number, "a program is complete or partial, not both")
    program: list[str] = []
    marks: list[Mark] = []
    above = 0
    for at, line in body:
        if caret := _CARET.fullmatch(line):
            if not program:
                raise CaseError(at, "a caret with no program line above it")
            column = len(caret[1])
            if column > len(program[-1]):
                raise CaseError(at, f"the caret is past the end of line {above} of the file")
            before = "\n".join([*program[:-1], program[-1][:column]])
            marks.append(_mark(at, len(before.encode()), (caret["rest"] or "").strip()))
        else:
            program.append(line)
            above = at
    name = f"{section.name} [{language}]"
    same = sum(block.language == language for block in section.blocks)
    block = Block(
        name if not same else f"{name} {same + 1}",
        number,
        language,
        words,
        "\n".join(program).encode(),
        tuple(marks),
        tuple(int(part) for part in versions[0][1].split(".")) if versions else (),
    )
    _validate(block)
    return block


def _validate(block: Block) -> None:
    bare = [mark for mark in block.marks if _is_bare(mark)]
    if not block.marks and not block.words & {"complete", "partial"}:
        raise CaseError(block.line, "the program asserts nothing: no mark, no complete, no partial")
    if len(bare) > 1:
        raise CaseError(bare[1].line, "the program can be rejected at one place only")
    if bare:
        if block.words & {"complete", "partial"}:
            raise CaseError(bare[0].line, "a rejected program is neither complete nor partial")
        if bare[0].offset == len(block.program):
            raise CaseError(bare[0].line, "no character of the program follows to be rejected")
        for mark in block.marks:
            if mark.offset > bare[0].offset:
                raise CaseError(mark.line, "the program was rejected before this place")


def _mark(line: int, offset: int, rest: str) -> Mark:
    if not rest:
        raise CaseError(line, "a caret without a verb")
    verb, _, arguments = rest.partition(" ")
    if verb not in VERBS:
        raise CaseError(line, f"no verb {verb!r}; there are: {', '.join(VERBS)}")
    arguments = arguments.strip()
    takes = VERBS[verb]
    if takes is None:
        if not arguments:
            raise CaseError(line, f"{verb}: what? (`--update` writes it: put `?`)")
        return Mark(line, offset, verb, listed=arguments)
    texts, left = _texts(arguments)
    if left:
        if verb == "rejects" and not texts and left in DOMAINS:
            return Mark(line, offset, verb, domain=left)
        raise CaseError(line, f"{verb}: {left!r} is not a text in back-quotes")
    if takes and not texts:
        raise CaseError(line, f"{verb}: no text in back-quotes")
    if texts and verb in ("ends", "unfinished"):
        raise CaseError(line, f"{verb} takes no text")
    return Mark(line, offset, verb, texts=texts)


def _texts(arguments: str) -> tuple[tuple[bytes, ...], str]:
    """The leading back-quoted texts, and what is left."""
    texts: list[bytes] = []
    at = 0
    while quoted := _QUOTED.match(arguments, at):
        text = quoted["text"]
        # As in Markdown: a space inside longer quotes keeps a back-quote from touching them.
        if len(quoted["ticks"]) > 1 and text.startswith(" ") and text.endswith(" "):
            text = text[1:-1]
        texts.append(text.translate(_PICTURES).encode())
        at = quoted.end()
    return tuple(texts), arguments[at:].strip()


def _is_bare(mark: Mark) -> bool:
    return mark.verb == "rejects" and not mark.texts
