"""Writing with a local Hugging Face model through the Transformers adapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ananke.cli.inspection import InputError
from ananke.cli.writing import Sampling, Written

__all__ = ["write_with_model"]


def write_with_model(
    folder: Path,
    prompt: str,
    sampling: Sampling,
    *,
    language: str | None,
    spec: dict[str, object] | None,
    shown: Callable[[bytes], None],
) -> Written:
    """Writes on after `prompt` with the causal language model in `folder`.

    Raises:
        InputError: the folder holds no model, or Transformers isn't installed.
    """
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise InputError(
            "--model needs the extra `transformers`; run `pip install 'ananke[transformers]'`"
        ) from error
    from ananke.adapters.transformers import ConstraintLogitsProcessor
    from ananke.session import Session
    from ananke.spec import parse_spec
    from ananke.vocabulary import from_transformers

    if not folder.is_dir():
        raise InputError(f"--model {folder}: not a folder with a model")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"--model {folder}: {error}") from error
    processors = []
    if language is not None or spec is not None:
        request = spec or {"version": "1.0", "language": language, "context": {"prefix": prompt}}
        vocabulary = from_transformers(tokenizer, size=model.config.vocab_size)
        session = Session(parse_spec(request), vocabulary)
        processors.append(ConstraintLogitsProcessor(session, new_tokens=sampling.max_tokens))
    torch.manual_seed(sampling.seed)
    inputs = tokenizer(prompt or tokenizer.bos_token or " ", return_tensors="pt")
    output = model.generate(
        **inputs,
        max_new_tokens=sampling.max_tokens,
        do_sample=sampling.temperature > 0,
        temperature=sampling.temperature or None,
        top_p=sampling.top_p,
        logits_processor=processors,
    )
    written = tokenizer.decode(
        output[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True
    ).encode()
    shown(written)
    return Written(written, b"", ended=True)
