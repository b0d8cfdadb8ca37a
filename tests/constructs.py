"""What the tests of a language's constructs ask of its grammar."""

from __future__ import annotations

from ananke.parsing import load_grammar


def check_admitted(language: str, text: bytes) -> None:
    """Byte by byte nothing is refused, and the text may end."""
    state = load_grammar(language).start()
    for place in range(len(text)):
        after = state.feed(text[place : place + 1])
        assert after is not None, text[: place + 1]
        state = after
    assert state.can_end()


def check_dies_at(language: str, text: bytes, place: int) -> None:
    """All before `place` is admitted, and the byte there isn't."""
    before = load_grammar(language).parse(text[:place])
    assert before is not None
    assert before.feed(text[place : place + 1]) is None


def completed(language: str, text: bytes) -> bytes:
    """The text with its shortest completion."""
    state = load_grammar(language).parse(text)
    assert state is not None
    closing = state.shortest_completion()
    assert closing is not None
    return text + closing
