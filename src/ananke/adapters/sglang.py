"""SGLang: a grammar backend for `--grammar-backend ananke`.

SGLang loads `register` by its entry point group `sglang.srt.plugins`; nothing of it is patched.
Its scheduler asks the backend for a grammar object per request, keyed by the kind and the text of
what the request holds. `json_schema`, `regex`, `ebnf` and `structural_tag` mean what they mean to
the other backends. A ConstraintSpec travels as a JSON schema with one keyword (`spec/envelope.py`):

    {"x-ananke": {"version": "1.0", "language": "python", "context": {"prefix": "def f("}}}

A schema goes unchanged through every way in (the native API, `response_format` of the
OpenAI-compatible one), and the version is the spec's own.

Written against SGLang 0.5.23.
"""

from __future__ import annotations

import codecs
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from llguidance.torch import apply_token_bitmask_inplace
from sglang.srt.arg_groups import choices
from sglang.srt.constrained.base_grammar_backend import (
    BaseGrammarBackend,
    BaseGrammarObject,
    GrammarRow,
    GrammarStats,
    InvalidGrammarObject,
    register_grammar_backend,
    register_vocab_mask_buffer,
)
from sglang.srt.constrained.reasoner_grammar_backend import ReasonerGrammarBackend
from sglang.srt.constrained.torch_ops.token_filter_torch_ops import set_token_filter_torch
from sglang.srt.parser.reasoning_parser import ReasoningParser
from sglang.srt.runtime_context import get_serving

from ananke.adapters.boundary import RequestFailed, boundary
from ananke.adapters.filling import fill_batch_or_end, fill_or_end
from ananke.adapters.policies import read_policies, under_policies
from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.masks import words_for
from ananke.outcome import NotAdmitted, TokenError
from ananke.session import Session
from ananke.spec import SCHEMA_KEYWORD, TOP, Constraint, SpecError, spec_error
from ananke.vocabulary import Vocabulary, from_transformers

_log = logging.getLogger(__name__)

_ANSWERED = (NotAdmitted, TokenError, GrammarGaveUp)

#: The document of a ConstraintSpec, or of a part of one.
_Request = Mapping[str, Any]

NAME = "ananke"

#: What SGLang writes for "any JSON".
_ANY_JSON = "$$ANY$$"

#: Compiled requests kept by a backend. A spec with a context is seldom asked for twice.
_KEPT = 256


class AnankeGrammar(BaseGrammarObject):
    """One request's session, as SGLang's scheduler and samplers drive it.

    Rows of masks are int32 tensors on the CPU, written in place. A row that no token could go on
    from admits EOS alone (with a warning), so that no row is without a finite logit.
    """

    def __init__(self, session: Session, stats: GrammarStats | None = None) -> None:
        super().__init__()
        self.session = session
        self.grammar_stats = stats
        #: Whether the last mask had no token of its own, and whether the EOS in it was taken. The
        #: session doesn't hold that EOS.
        self._is_stuck = False
        self._is_cut_short = False

    def copy(self) -> AnankeGrammar:
        other = AnankeGrammar(self.session.fork(), self.grammar_stats)
        other._is_stuck, other._is_cut_short = self._is_stuck, self._is_cut_short
        return other

    def accept_token(self, token: int) -> None:
        """Raises ValueError, for which SGLang aborts the request, for a token that is not admitted
        or that failed; the session is then unchanged."""
        if self.finished or self._is_cut_short:
            return
        try:
            if self._is_stuck and token in self.session.vocabulary.eos:
                self._is_cut_short = True
            else:
                with boundary("accepting", self.session.spec, *_ANSWERED):
                    self.session.accept(token)
        except (GrammarGaveUp, RequestFailed) as error:
            raise ValueError(str(error)) from error
        self.current_token = token

    def rollback(self, k: int) -> None:
        """Raises ValueError if fewer than `k` tokens were accepted."""
        self.session.rollback(k - self._is_cut_short if k > 0 else k)
        if k:
            self.finished = self._is_stuck = self._is_cut_short = False

    def is_terminated(self) -> bool:
        return self.session.is_finished or self._is_cut_short

    def allocate_vocab_mask(self, vocab_size: int, batch_size: int, device: Any) -> torch.Tensor:
        """int32, shape (batch_size, words), all tokens admitted; in host memory."""
        return _all_admitted(self.session.vocabulary.size, batch_size)

    def fill_vocab_mask(self, vocab_mask: torch.Tensor, idx: int) -> None:
        self._note_mask(idx, fill_or_end(self.session, vocab_mask.numpy(), idx))

    @staticmethod
    def fill_vocab_mask_batched(entries: list[GrammarRow], vocab_mask: torch.Tensor) -> None:
        """Each entry's row; the others stay as they are."""
        ours = [entry for entry in entries if isinstance(entry.grammar, AnankeGrammar)]
        reasons = fill_batch_or_end(
            [entry.grammar.session for entry in ours],
            vocab_mask.numpy(),
            [entry.row for entry in ours],
        )
        for entry, reason in zip(ours, reasons, strict=True):
            entry.grammar._note_mask(entry.row, reason)
        BaseGrammarObject.fill_vocab_mask_batched(
            [entry for entry in entries if not isinstance(entry.grammar, AnankeGrammar)],
            vocab_mask,
        )

    def _note_mask(self, row: int, reason: str | None) -> None:
        """`reason`: why the mask has no token of its own."""
        self._is_stuck = reason is not None
        if reason is not None:
            _log.warning("row %d: %s; the text is ended", row, reason)

    @staticmethod
    def reset_vocab_mask(vocab_mask: torch.Tensor) -> None:
        vocab_mask.fill_(-1)

    @staticmethod
    def move_vocab_mask(vocab_mask: torch.Tensor, device: Any) -> torch.Tensor:
        return vocab_mask.to(device, non_blocking=True)

    @staticmethod
    def apply_vocab_mask(logits: torch.Tensor, vocab_mask: torch.Tensor) -> None:
        apply_token_bitmask_inplace(logits, vocab_mask)

    def try_jump_forward(self, tokenizer: Any) -> tuple[list[int], str] | None:
        """The text that must come, as far as it is whole characters."""
        try:
            with boundary("looking ahead", self.session.spec, GrammarGaveUp):
                forced = self.session.forced()
            text = codecs.getincrementaldecoder("utf-8")().decode(forced)
        except (UnicodeDecodeError, GrammarGaveUp, RequestFailed):
            return None
        return ([], text) if text else None

    def jump_forward_str_state(self, helper: tuple[list[int], str]) -> tuple[str, int]:
        return helper[1], -1

    def jump_and_retokenize(
        self, old_output_ids: Sequence[int], new_output_ids: Sequence[int], next_state: int
    ) -> None:
        """Raises ValueError, the session unchanged, if a new token is not admitted."""
        common = 0
        for old, new in zip(old_output_ids, new_output_ids, strict=False):
            if old != new:
                break
            common += 1
        self.rollback(len(old_output_ids) - common)
        for at in range(common, len(new_output_ids)):
            try:
                self.accept_token(new_output_ids[at])
            except ValueError:
                self.rollback(at - common)
                for token in old_output_ids[common:]:
                    self.accept_token(token)
                raise


class _BoundedCache:
    """Forgets the oldest of what a backend keeps: specs with a context come in any number."""

    cache: dict[tuple[str, str], BaseGrammarObject]

    def set_cache(self, key: tuple[str, str], value: BaseGrammarObject) -> None:
        super().set_cache(key, value)  # type: ignore[misc]  # of the backend beside it
        while len(self.cache) > _KEPT:
            self.cache.pop(next(iter(self.cache)), None)


class AnankeBackend(_BoundedCache, BaseGrammarBackend):
    """Compiles what requests ask for, in the executor of the base class.

    `whitespace`: what llguidance reads under `x-guidance` of a JSON schema, from SGLang's options.
    `policies`: what binds every request.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        whitespace: dict[str, object] | None = None,
        policies: Constraint = TOP,
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self._policies = policies
        self._whitespace = whitespace or {}

    def initialize_vocab_mask_buffer(
        self, name: str, vocab_size: int, max_rows: int, device: Any
    ) -> torch.Tensor:
        buffer = _all_admitted(self.vocabulary.size, max_rows)
        mask: torch.Tensor = register_vocab_mask_buffer(name, buffer, max_rows)
        return mask

    def allocate_vocab_mask(self, vocab_size: int, batch_size: int, device: Any) -> torch.Tensor:
        return _all_admitted(self.vocabulary.size, batch_size)

    move_vocab_mask = staticmethod(AnankeGrammar.move_vocab_mask)
    apply_vocab_mask = staticmethod(AnankeGrammar.apply_vocab_mask)

    @property
    def is_support_token_filter(self) -> bool:
        return True

    def set_token_filter(
        self,
        vocab_mask: torch.Tensor,
        token_ids: list[int],
        batch_idx: int,
        is_allowed: bool = True,
        reset_vocab_mask: bool = True,
    ) -> None:
        set_token_filter_torch(
            vocab_mask, token_ids, batch_idx, is_allowed, reset_vocab_mask=reset_vocab_mask
        )

    def dispatch_json(self, key_string: str) -> BaseGrammarObject:
        return self._compiled("json", lambda: self._request_of_schema(key_string))

    def dispatch_regex(self, key_string: str) -> BaseGrammarObject:
        return self._compiled("regex", lambda: _request_of("regex", key_string))

    def dispatch_ebnf(self, key_string: str) -> BaseGrammarObject:
        return self._compiled("ebnf", lambda: _request_of("ebnf", key_string))

    def dispatch_structural_tag(self, key_string: str) -> BaseGrammarObject:
        return self._compiled("structural_tag", lambda: _request_of("structural_tag", key_string))

    def dispatch_fallback(self, key_type: str, key_string: str) -> BaseGrammarObject:
        return InvalidGrammarObject(f"the ananke backend has no {key_type!r:.60}")

    def _compiled(self, kind: str, request: Callable[[], _Request]) -> BaseGrammarObject:
        answered = (SpecError, GrammarGaveUp)
        try:
            with boundary("reading a request", None, *answered):
                spec = under_policies(self._policies, request())
            with boundary("starting a request", spec, *answered):
                session = Session(spec, self.vocabulary)
        except (*answered, RequestFailed) as error:
            return InvalidGrammarObject(str(error))
        return AnankeGrammar(session, GrammarStats(dispatch_type=kind))

    def _request_of_schema(self, source: str) -> _Request:
        if source == _ANY_JSON:
            source = "{}"
        try:
            schema = json.loads(source)
        except (ValueError, RecursionError):
            # Refused with its place by the reader of schemas.
            return _request_of("json_schema", source)
        if not isinstance(schema, dict):
            return _request_of("json_schema", source)
        if SCHEMA_KEYWORD in schema:
            if len(schema) > 1:
                others = ", ".join(
                    sorted(repr(key)[:40] for key in schema if key != SCHEMA_KEYWORD)[:5]
                )
                raise spec_error(SCHEMA_KEYWORD, f"stands alone in its schema; remove {others}")
            if not isinstance(schema[SCHEMA_KEYWORD], dict):
                raise spec_error(SCHEMA_KEYWORD, "expected a ConstraintSpec, which is an object")
            return cast(_Request, schema[SCHEMA_KEYWORD])
        if self._whitespace and "x-guidance" not in schema:
            source = json.dumps({**schema, "x-guidance": self._whitespace}, ensure_ascii=False)
        return _request_of("json_schema", source)


class AnankeReasonerBackend(_BoundedCache, ReasonerGrammarBackend):
    """Constrains what follows a model's reasoning."""


def create_backend(
    server_args: Any, tokenizer: Any, vocab_size: int, eos_token_ids: Iterable[int] | int | None
) -> BaseGrammarBackend:
    """What SGLang calls at its start, on every rank.

    Raises VocabularyError if the tokenizer's tokens have no exact bytes, SpecError if the policies
    named in the environment can't be honoured.
    """
    ends = [eos_token_ids] if isinstance(eos_token_ids, int) else sorted(eos_token_ids or ())
    serving = get_serving()
    whitespace: dict[str, object] = {}
    if serving.constrained_json_disable_any_whitespace:
        whitespace["whitespace_flexible"] = False
    if serving.constrained_json_whitespace_pattern is not None:
        whitespace["whitespace_pattern"] = serving.constrained_json_whitespace_pattern
    vocabulary = from_transformers(tokenizer, size=vocab_size, eos=ends or None)
    backend = AnankeBackend(vocabulary, whitespace, read_policies())
    if not serving.reasoning_parser:
        return backend
    parser = ReasoningParser(
        model_type=serving.reasoning_parser, stream_reasoning=False, tokenizer=tokenizer
    )
    if not parser.detector.get_think_end_token_ids(tokenizer):
        return backend
    return AnankeReasonerBackend(
        backend, parser, tokenizer, enable_strict_thinking=serving.enable_strict_thinking
    )


def register() -> None:
    """The plugin: makes `--grammar-backend ananke` known to SGLang."""
    register_grammar_backend(NAME, create_backend)
    if NAME not in choices.GRAMMAR_BACKEND_CHOICES:
        choices.add_grammar_backend_choices([NAME])


def _request_of(kind: str, source: str) -> _Request:
    return {"grammar": {"kind": kind, "source": source}}


def _all_admitted(size: int, rows: int) -> torch.Tensor:
    return torch.full(
        (rows, words_for(size)), -1, dtype=torch.int32, pin_memory=torch.cuda.is_available()
    )
