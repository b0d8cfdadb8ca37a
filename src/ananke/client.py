"""Sends specs to a server of SGLang or vLLM that runs Ananke, through its OpenAI-compatible API.

    client = Client("http://localhost:30000/v1", engine="sglang")
    spec = parse_spec({"language": "python", "context": {"prefix": "def area(r):\\n    "}})
    client.complete(spec, "def area(r):\\n    ", max_tokens=100).text
    for piece in client.stream(spec, [{"role": "user", "content": "..."}], max_tokens=100):
        print(piece, end="")

A prompt that is text goes to `/completions`, a list of messages to `/chat/completions`. Whoever
calls the `openai` package directly (its asynchronous client, say) adds `request_fields`.

A server that doesn't run Ananke takes the spec for something else and constrains nothing. So what
comes back is read by a session of the client's own, which raises `NotConstrained` at the first
text that the spec does not admit; `check=False` leaves that out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from openai import OpenAI

from ananke.domains.syntax.user_grammar import GrammarGaveUp
from ananke.outcome import NotAdmitted
from ananke.session import Session
from ananke.spec import ConstraintSpec, extra_arguments_with, schema_with
from ananke.vocabulary import from_tokens

EngineName = Literal["sglang", "vllm"]

#: A message as the `openai` package takes it.
Message = Any
Prompt = str | Iterable[Message]


class NotConstrained(RuntimeError):  # noqa: N818 - it says what happened
    """The server's text is not one that the spec admits: it doesn't run Ananke, or another one."""


@dataclass(frozen=True)
class Completion:
    """A text that a server generated.

    `finish_reason`: the server's word, "length" where the token limit cut it off. `complete`:
    whether the text may end there; None where nothing was checked.
    """

    text: str
    finish_reason: str | None
    complete: bool | None


class Client:
    """A server's OpenAI-compatible API, and the engine behind it.

    `options` of the calls are those of the `openai` package's `create`: `max_tokens`,
    `temperature`, `extra_body`, …; one text is asked for (no `n`). What the server refuses raises
    `openai.APIError` with its message.
    """

    def __init__(
        self,
        base_url: str,
        *,
        engine: EngineName,
        model: str = "default",
        api_key: str = "none",
        check: bool = True,
    ) -> None:
        self._api = OpenAI(base_url=base_url, api_key=api_key)
        self._engine: EngineName = engine
        self._model = model
        self._check = check

    def complete(self, spec: ConstraintSpec, prompt: Prompt, **options: Any) -> Completion:
        """The whole text. Raises SpecError, NotConstrained or openai.APIError."""
        reader = _Reader(spec) if self._check else None
        fields = self._fields(spec, options)
        text: str
        if isinstance(prompt, str):
            answer = self._api.completions.create(prompt=prompt, **fields)
            choice = answer.choices[0]
            text, finish_reason = choice.text, choice.finish_reason
        else:
            messages: list[Any] = [*prompt]
            reply = self._api.chat.completions.create(messages=messages, **fields)
            said = reply.choices[0]
            text, finish_reason = said.message.content or "", said.finish_reason
        if reader is not None:
            reader.take(text)
        return Completion(text, finish_reason, reader.may_end() if reader is not None else None)

    def stream(self, spec: ConstraintSpec, prompt: Prompt, **options: Any) -> Iterator[str]:
        """The text piece by piece, each checked before it is yielded. Raises as `complete`.

        Closing the iterator closes the connection, which aborts the request.
        """
        reader = _Reader(spec) if self._check else None
        fields = self._fields(spec, options)
        pieces = self._streamed(prompt, fields)
        for piece in pieces:
            if reader is not None:
                reader.take(piece)
            yield piece

    def _streamed(self, prompt: Prompt, fields: dict[str, Any]) -> Iterator[str]:
        if isinstance(prompt, str):
            with self._api.completions.create(prompt=prompt, stream=True, **fields) as parts:
                for part in parts:
                    for choice in part.choices:
                        if choice.text:
                            yield choice.text
        else:
            messages: list[Any] = [*prompt]
            chunks: Any = self._api.chat.completions.create(
                messages=messages, stream=True, **fields
            )
            with chunks:
                for chunk in chunks:
                    for said in chunk.choices:
                        if said.delta.content:
                            yield said.delta.content

    def _fields(self, spec: ConstraintSpec, options: dict[str, Any]) -> dict[str, Any]:
        body = request_fields(spec, self._engine)["extra_body"]
        own = options.pop("extra_body", None) or {}
        taken = sorted(body.keys() & (own.keys() | options.keys()))
        if taken:
            raise ValueError(f"{taken[0]}: carries the spec here; leave it out of the options")
        return {"model": self._model, **options, "extra_body": {**own, **body}}


def request_fields(spec: ConstraintSpec, engine: EngineName) -> dict[str, Any]:
    """What a call of the `openai` package needs besides, for `engine` to constrain it by `spec`.

    For `completions.create` as for `chat.completions.create`, synchronous or not.
    """
    if engine == "vllm":
        return {"extra_body": {"vllm_xargs": extra_arguments_with(spec)}}
    if engine == "sglang":
        schema = {"name": "ananke", "schema": schema_with(spec), "strict": True}
        return {"extra_body": {"response_format": {"type": "json_schema", "json_schema": schema}}}
    raise ValueError(f'engine {engine!r}: expected "sglang" or "vllm"')


class _Reader:
    """Reads a text as it comes, over a vocabulary of single bytes: the spec binds the text, however
    a model cuts it into tokens."""

    _BYTES = from_tokens([*(bytes([byte]) for byte in range(256)), b""], eos=[256], name="bytes")

    def __init__(self, spec: ConstraintSpec) -> None:
        self._session: Session | None = Session(spec, self._BYTES)

    def take(self, text: str) -> None:
        if self._session is None or not text:
            return
        try:
            self._session.accept_text(text.encode())
        except NotAdmitted as error:
            raise NotConstrained(
                f"the server's text goes on with {text!r:.80}, which the spec does not admit "
                f"({error}): is the engine started with Ananke?"
            ) from error
        except GrammarGaveUp:
            # Not known any more: no complaint about what follows.
            self._session = None

    def may_end(self) -> bool | None:
        return None if self._session is None else self._session.shortest_completion() == b""
