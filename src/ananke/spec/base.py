"""What all parts of a spec share: strict frozen models, and text that has a UTF-8 form."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

__all__ = ["FilePath", "Model", "Text", "encodable"]


class Model(BaseModel):
    """A part of a spec: a frozen value without unknown keys."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        revalidate_instances="never",
    )


def encodable(text: str) -> str:
    """Refuse lone surrogates: such text has no bytes that a token could match."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError(
            "not_utf8",
            "character {at} is a lone surrogate, which has no UTF-8 form; send well-formed text",
            {"at": error.start},
        ) from None
    return text


def _path(value: object) -> object:
    if isinstance(value, str):
        if "\0" in value:
            raise PydanticCustomError("nul", "a path can't hold a NUL character")
        encodable(value)
    return value


Text = Annotated[str, BeforeValidator(lambda v: encodable(v) if isinstance(v, str) else v)]

FilePath = Annotated[str, StringConstraints(min_length=1, max_length=4096), BeforeValidator(_path)]
