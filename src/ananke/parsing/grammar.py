"""A language's grammar, loaded from its wheel into the native core."""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import importlib.metadata
import struct
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType

from ananke.native import library
from ananke.parsing.automaton import NO_SYMBOL, Automaton, edited_automaton, load_automata
from ananke.parsing.context import ContextError, ContextRule
from ananke.parsing.grafted import Grafted, load_grafted
from ananke.parsing.grafting import GraftError
from ananke.parsing.language import Fold, Language, LanguageError, LineRule
from ananke.parsing.restriction import Restriction, restrict, with_words
from ananke.parsing.state import ParseState
from ananke.vocabulary.cache import DiskCache

__all__ = ["Grammar", "GrammarError", "load_grammar"]

_VISIBLE, _NAMED, _EXTERNAL = 1, 2, 4
_ANY_EXTERNAL = 0xFFFF
#: Roles of terminals in `native/lines.zig`.
_OPENS, _CLOSES, _STARTS, _ENDS, _RUNS, _BREAKS = 1, 2, 3, 4, 5, 6


class GrammarError(ValueError):
    """A grammar that can't be loaded or read; the message says which and why."""


class Grammar:
    """The compiled grammar of one language; shared by all sessions of the process."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.name = language.name
        module = _import_grammar(language)
        self.pointer = _language_pointer(module, language)
        self.wheel = _wheel_of(language)
        lib = library()
        cache = DiskCache()
        main, keyword = load_automata(self.pointer, self.fingerprint, cache)
        self._grafted: Grafted | None = None
        if language.additions or language.twins or language.prunes:
            keyword = self._graft(main, keyword, cache)
        terminals, start_count = _terminals(self.pointer)
        restriction = _restriction(language, terminals)
        if self._grafted is not None:
            restriction = replace(
                restriction, leading=self._grafted.lines, spelt=self._grafted.patterns
            )
        if not restriction.is_empty:
            key = f"{self.fingerprint}-{restriction.digest}"
            learnt = main
            main = edited_automaton(
                self.pointer, key, cache, lambda: restrict(learnt.tables, start_count, restriction)
            )
        # The native grammar reads the automata as long as it lives.
        self._automata: tuple[Automaton, Automaton | None] = (main, keyword)
        handle = lib.ananke_grammar_new(
            self.pointer, main.handle, None if keyword is None else keyword.handle
        )
        if not handle:
            raise GrammarError(
                f"{language.module}: the grammar's ABI is not one that this build reads (14, 15)"
            )
        self.handle = handle
        counts = (ctypes.c_uint32 * 7)()
        lib.ananke_grammar_counts(handle, counts)
        self.symbol_count, self.terminal_count, self.state_count = counts[0], counts[1], counts[2]
        self.mode_count, self.field_count = counts[3], counts[4]
        #: The symbols from here on are names of aliases.
        self.alias_start = counts[6]
        self.symbol_names: tuple[str, ...] = tuple(
            _text(lib.ananke_grammar_symbol_name(handle, symbol))
            for symbol in range(self.symbol_count)
        )
        self.symbol_flags: bytes = bytes(
            lib.ananke_grammar_symbol_flags(handle, symbol) for symbol in range(self.symbol_count)
        )
        self.field_names: tuple[str, ...] = (
            "",
            *(
                _text(lib.ananke_grammar_field_name(handle, field))
                for field in range(1, self.field_count + 1)
            ),
        )
        self._apply_rows()

    def _graft(
        self, main: Automaton, keyword: Automaton | None, cache: DiskCache
    ) -> Automaton | None:
        """Puts the language's additions in its tables, and gives the keyword lexer with their
        words."""
        language = self.language
        try:
            grafted = self._grafted = load_grafted(
                self.pointer, self.fingerprint, language, main, cache
            )
        except GraftError as error:
            raise LanguageError(f"{self.name}: {error}") from None
        words = grafted.words
        self.pointer = grafted.pointer
        if keyword is None or not words:
            return keyword
        learnt = keyword
        key = f"{grafted.key}-keyword"
        return edited_automaton(
            self.pointer, key, cache, lambda: with_words(learnt.tables, words), keyword=True
        )

    def _apply_rows(self) -> None:
        lib = library()
        for fold in self.language.folds:
            self._add_fold(fold)
        for probe in self.language.probes:
            lib.ananke_grammar_add_probe(self.handle, probe, len(probe))
        for closer in self.language.closers:
            lib.ananke_grammar_add_closer(self.handle, closer, len(closer))
        for word in self.language.words:
            lib.ananke_grammar_add_scanner_word(self.handle, word, len(word))
        shape = self.language.state_shape
        if shape is not None:
            restless, dedent, indent = (
                self._terminals_named(name, "state_shape")[0]
                for name in (shape.restless, shape.dedent, shape.indent)
            )
            lib.ananke_grammar_set_state_shape(
                self.handle,
                shape.header,
                shape.counted,
                shape.rest,
                restless,
                dedent,
                indent,
                shape.ends_outside,
            )
        for byte in self.language.unprobed:
            lib.ananke_grammar_set_unprobed(self.handle, byte)
        for name, text in self.language.spellings.items():
            for symbol in self._terminals_named(name, "spellings"):
                lib.ananke_grammar_add_spelling(self.handle, symbol, text, len(text))
        for name in self.language.certain:
            for symbol in self._terminals_named(name, "certain"):
                lib.ananke_grammar_set_certain(self.handle, symbol)
        for byte in self.language.retried:
            lib.ananke_grammar_add_retried(self.handle, byte)
        for name, beginnings in self.language.followers.items():
            for symbol in self._terminals_named(name, "followers"):
                lib.ananke_grammar_set_followers(self.handle, symbol, beginnings, len(beginnings))
        for name in self.language.absent:
            for symbol in self._terminals_named(name, "absent"):
                lib.ananke_grammar_set_absent(self.handle, symbol)
        for first, second in self.language.exclusions:
            for one in self._terminals_named(first, "exclusions"):
                for other in self._terminals_named(second, "exclusions"):
                    lib.ananke_grammar_exclude(self.handle, one, other)

        for name in self.language.reserved:
            for symbol in self._terminals_named(name, "reserved"):
                lib.ananke_grammar_set_reserved(self.handle, symbol)
        names = self.symbol_names
        for name, child_count, last in self.language.forbidden:
            lasts = _numbers(self.language, names, last, "forbidden") if last else [0]
            for symbol in _numbers(self.language, names, name, "forbidden"):
                for child in lasts:
                    lib.ananke_grammar_forbid(self.handle, symbol, child_count, child)
        symbols: dict[str, list[int]] = {}
        for symbol, name in enumerate(names[: self.alias_start]):
            symbols.setdefault(name, []).append(symbol)
        for number, rule in enumerate(self.language.contexts):
            self._add_contexts(rule, symbols, f"{self.name}.contexts[{number}]")
        if self.language.lines is not None:
            self._set_lines(self.language.lines)

    def _add_contexts(
        self, rule: ContextRule, symbols: Mapping[str, Sequence[int]], where: str
    ) -> None:
        try:
            steps = rule.numbered_steps(symbols)
            refusals = rule.numbered_refusals(symbols, self.terminal_count)
        except ContextError as error:
            raise LanguageError(f"{where}: {error}") from None
        lib = library()
        packed = b"".join(struct.pack("=HHHBBB?xx", *step) for step in steps)
        added = lib.ananke_grammar_add_contexts(self.handle, len(rule.contexts), packed, len(steps))
        if added < 0:
            raise LanguageError(f"{where}: more contexts than a mark has room for")
        for context, terminal in refusals:
            lib.ananke_grammar_refuse(self.handle, context, terminal)

    def _set_lines(self, rule: LineRule) -> None:
        roles = bytearray(self.terminal_count)
        for names, role in (
            ([opening for opening, _ in rule.brackets], _OPENS),
            ([closing for _, closing in rule.brackets], _CLOSES),
            (rule.starts, _STARTS),
            (rule.ends, _ENDS),
            (rule.runs, _RUNS),
            (rule.breaks, _BREAKS),
        ):
            for name in names:
                for symbol in self._terminals_named(name, "lines"):
                    roles[symbol] = role
        library().ananke_grammar_set_lines(self.handle, bytes(roles), rule.is_strict)

    def _add_fold(self, fold: Fold) -> None:
        lib = library()
        if fold.where:
            symbols = [
                symbol
                for symbol in self._terminals_named(fold.where, "folds")
                if self.symbol_flags[symbol] & _EXTERNAL
            ]
            if not symbols:
                raise LanguageError(
                    f"{self.name}.folds: {fold.where!r} is not an external terminal"
                )
        else:
            symbols = [_ANY_EXTERNAL]
        classes = bytearray(256)
        representatives = bytearray(8)
        for number, (members, representative) in enumerate(fold.runs, start=1):
            for byte in members:
                classes[byte] = number
            representatives[number] = representative[0]
        for symbol in symbols:
            index = lib.ananke_grammar_add_fold(
                self.handle,
                symbol,
                bytes(classes),
                bytes(representatives),
                bytes(
                    (byte in fold.forgets)
                    | (byte in fold.opening) << 1
                    | (byte in fold.fatal) << 2
                    | (byte in fold.repeats) << 3
                    | (byte in fold.skips) << 4
                    for byte in range(256)
                ),
                fold.escape[0] if fold.escape else -1,
                fold.drops_lines | fold.leading << 1 | fold.hashes << 2 | fold.nests << 3,
            )
            lib.ananke_grammar_fold_raw(self.handle, index, fold.raw_in)
            lib.ananke_grammar_fold_ending(self.handle, index, fold.ending, len(fold.ending))
            for is_live, rows in ((True, fold.live_in), (False, fold.plain_in)):
                for mask, members in rows:
                    for byte in members:
                        lib.ananke_grammar_fold_state(self.handle, index, byte, mask, is_live)
            for opening, closing in fold.comments:
                lib.ananke_grammar_add_comment(
                    self.handle, index, opening, len(opening), closing, len(closing)
                )
            for first, last in fold.alike:
                lib.ananke_grammar_add_alike(self.handle, index, first, last)
            for word in fold.words:
                lib.ananke_grammar_add_word(self.handle, index, word, len(word))

    def _terminals_named(self, name: str, table: str) -> list[int]:
        if self._grafted is not None and name in self._grafted.numbers:
            return [self._grafted.numbers[name]]
        return _numbers(self.language, self.symbol_names[: self.terminal_count], name, table)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the wheel's compiled library: equal grammars have equal fingerprints."""
        module = _import_grammar(self.language)
        digest = hashlib.sha256(self.language.function.encode())
        for path in sorted(Path(next(iter(module.__path__))).glob("_binding*")):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def start(self) -> ParseState:
        """The state before any text."""
        return ParseState.start(self)

    def parse(self, text: bytes) -> ParseState | None:
        """The state after `text`, or None if no continuation of it is a program."""
        return self.start().feed(text)


def _terminals(pointer: int) -> tuple[tuple[str, ...], int]:
    """The names of a language's terminals, and how many lex states it uses."""
    lib = library()
    counts = (ctypes.c_uint32 * 2)()
    lib.ananke_language_counts(pointer, counts)
    names = (_text(lib.ananke_language_symbol_name(pointer, i)) for i in range(counts[0]))
    return tuple(names), int(counts[1])


def _restriction(language: Language, terminals: tuple[str, ...]) -> Restriction:
    def numbers(names: Iterable[str], table: str) -> tuple[int, ...]:
        return tuple(n for name in names for n in _numbers(language, terminals, name, table))

    return Restriction(
        spaces=language.spaces,
        unbroken=numbers(language.unbroken, "unbroken"),
        has_variants=language.lines is not None,
        never_first=b"" if language.lines is None else language.lines.never_first,
        patterns={
            symbol: pattern
            for name, pattern in language.patterns.items()
            for symbol in numbers((name,), "patterns")
        },
        without=tuple(
            (symbol, ord(first), ord(last))
            for name, (first, last) in language.without.items()
            for symbol in numbers((name,), "without")
        ),
        filled=tuple((ord(first), ord(last)) for first, last in language.filled),
        alone=tuple(
            (symbol, text)
            for name, text in language.alone.items()
            for symbol in numbers((name,), "alone")
        ),
        balanced=numbers(language.balanced, "balanced"),
        balanced_words=language.balanced_words,
        word=numbers((language.word,), "word")[0] if language.word else NO_SYMBOL,
        misspelt=(
            numbers(language.absent[:1], "absent")[0]
            if language.balanced and language.absent
            else NO_SYMBOL
        ),
    )


def _numbers(language: Language, terminals: tuple[str, ...], name: str, table: str) -> list[int]:
    found = [symbol for symbol, other in enumerate(terminals) if other == name]
    if not found:
        raise LanguageError(f"{language.name}.{table}: the grammar has no symbol {name!r}")
    return found


def _text(raw: bytes | None) -> str:
    return "" if raw is None else raw.decode("utf-8", "replace")


def _import_grammar(language: Language) -> ModuleType:
    try:
        return importlib.import_module(language.module)
    except ImportError as error:
        raise GrammarError(
            f"{language.name}: the grammar wheel is missing; "
            f"run `pip install {language.module.replace('_', '-')}`"
        ) from error


def _wheel_of(language: Language) -> str:
    name = language.module.replace("_", "-")
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return name


def _language_pointer(module: ModuleType, language: Language) -> int:
    make = getattr(module, language.function, None)
    if make is None:
        raise GrammarError(f"{language.module} has no function {language.function!r}")
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype = ctypes.c_void_p
    get.argtypes = [ctypes.py_object, ctypes.c_char_p]
    try:
        pointer = get(make(), b"tree_sitter.Language")
    except ValueError as error:
        raise GrammarError(f"{language.module}.{language.function}() is no grammar") from error
    if not pointer:
        raise GrammarError(f"{language.module}.{language.function}() is no grammar")
    return int(pointer)


_lock = threading.Lock()


@cache
def _load(name: str) -> Grammar:
    # The registry's languages are made of this package's tables.
    from ananke.languages import get_language

    return Grammar(get_language(name))


def load_grammar(name: str) -> Grammar:
    """The grammar of the language called `name`; one per process.

    Raises:
        GrammarError: the wheel is missing or its ABI is unknown.
        LanguageError: there is no such language, or a row of its table is wrong.
    """
    with _lock:
        return _load(name)
