"""Literals of numbers under a bound: which may still become one that is within it.

A language reads a literal's text as a `Number`; here is what that may become. Digit by digit: `6`
may become 60, `61` nothing up to 60. What follows the digits of a whole number (a point, an
exponent) is judged when the literal is closed, its digits as those of any: `61e-1` isn't written
where 60 is the most, though its value is 6.1.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Literal", "Number", "Range"]


@dataclass(frozen=True, slots=True)
class Number:
    """The text of a literal, or the beginning of one.

    Attributes:
        digits: of the whole part, without separators; may be empty.
        needs_digit: the text can't end here without one more digit of the whole part.
        may_change: the radix isn't settled yet (`0` may become `0x`).
        is_whole: no fraction, exponent or the like has begun.
        value: what it is if it ends here; None: it can't, or that isn't known.
    """

    digits: str
    radix: int = 10
    needs_digit: bool = False
    may_change: bool = False
    is_whole: bool = True
    value: int | float | None = None


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal that begins a value.

    Attributes:
        names: of what the value is for.
        start: where the value begins, with its signs.
        end: where the text of the literal ends.
        is_negative: by its signs.
        text: of the literal alone.
        is_open: it may still grow.
    """

    names: frozenset[str]
    start: int
    end: int
    is_negative: bool
    text: bytes
    is_open: bool


@dataclass(frozen=True, slots=True)
class Range:
    """From `least` to `most`; None: without end."""

    least: int | None
    most: int | None

    def negated(self) -> Range:
        """Of the numbers whose opposites are in this one."""
        return Range(
            None if self.most is None else -self.most, None if self.least is None else -self.least
        )

    def may_reach(self, number: Number) -> bool:
        """Whether an unfinished literal, without its sign, may become one in the range."""
        least = max(self.least or 0, 0)
        if self.most is not None and self.most < least:
            return False
        if not number.digits or number.may_change:
            return True
        # A decimal literal that begins with zero is zero.
        if number.radix == 10 and number.digits[0] == "0":
            return least == 0
        first, width = int(number.digits, number.radix), 1
        if number.needs_digit:
            first, width = first * number.radix, number.radix
        while self.most is None or first <= self.most:
            if first + width > least:
                return True
            first, width = first * number.radix, width * number.radix
        return False

    def rest(self, number: Number) -> str | None:
        """Digits with which an unfinished whole literal comes to be in the range, the least such;
        None: there are none, or it is in it. Only of decimal literals."""
        least = max(self.least or 0, 0)
        if not self.may_reach(number) or not number.is_whole or number.radix != 10:
            return None
        if number.may_change or not number.digits or self.holds(number):
            return None
        digits = 0
        first, width = int(number.digits), 1
        while first + width <= least or (number.needs_digit and not digits):
            first, width, digits = first * 10, width * 10, digits + 1
        return f"{max(first, least) - first:0{digits}d}" if digits else None

    def holds(self, number: Number) -> bool:
        """Whether a finished literal, without its sign, is in the range."""
        if number.value is None:
            return True
        return (self.least is None or self.least <= number.value) and (
            self.most is None or number.value <= self.most
        )

    def __str__(self) -> str:
        if self.least is None:
            return f"at most {self.most}"
        return f"at least {self.least}" if self.most is None else f"{self.least} to {self.most}"
