"""Writing with a local Hugging Face model through the Transformers adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ananke.analysis.holes import Region
from ananke.cli.reading import InputError
from ananke.cli.writing import Sampling, Written, likely
from ananke.holes import Draft, Writer
from ananke.session import Session
from ananke.spec import ConstraintSpec
from ananke.vocabulary import Vocabulary, from_transformers

__all__ = ["LocalModel", "load", "write_with_model"]


class LocalModel:
    """A causal language model and its tokenizer, from a folder. `vocabulary`: its tokens."""

    def __init__(self, tokenizer: Any, model: Any, vocabulary: Vocabulary) -> None:
        self._tokenizer = tokenizer
        # Releases of the package differ in what type they give a model's methods.
        self._model = model
        self.vocabulary = vocabulary

    def write(
        self,
        prompt: str,
        sampling: Sampling,
        spec: ConstraintSpec | None,
        shown: Callable[[bytes], None],
        region: Region | None = None,
    ) -> Written:
        """Writes on after `prompt`, inside of `region`. Raises SpecError if `spec` can't be
        honoured."""
        import torch
        from transformers import LogitsProcessorList, TemperatureLogitsWarper

        from ananke.adapters.transformers import ConstraintLogitsProcessor

        vocabulary = self.vocabulary
        processors = LogitsProcessorList()
        if sampling.temperature > 0:
            # Before the mask: what is likely depends on it.
            processors.append(TemperatureLogitsWarper(sampling.temperature))
        if spec is not None:
            share = sampling.top_p if sampling.temperature > 0 else 0.0
            session = Session(likely(spec, share), vocabulary, region=region)
            processors.append(ConstraintLogitsProcessor(session, new_tokens=sampling.max_tokens))
        shown(prompt.encode())
        torch.manual_seed(sampling.seed)
        inputs = self._tokenizer(prompt or self._tokenizer.bos_token or "\n", return_tensors="pt")
        chosen = (
            {"do_sample": True, "temperature": 1.0, "top_p": sampling.top_p}
            if sampling.temperature > 0
            else {"do_sample": False}
        )
        output = self._model.generate(
            **inputs, max_new_tokens=sampling.max_tokens, logits_processor=processors, **chosen
        )
        tokens = [int(token) for token in output[0][inputs["input_ids"].shape[1] :]]
        # The tokens' own bytes: decoding a text from its midst may take a space off its start.
        text = b"".join(
            vocabulary.token_bytes(token) for token in tokens if token < vocabulary.size
        )
        shown(text)
        is_finished = any(token in vocabulary.eos for token in tokens)
        return Written(text, b"", len(tokens), is_finished)

    def drafts(self, sampling: Sampling) -> Writer:
        """Writes fills of holes."""

        def writer(spec: ConstraintSpec, region: Region, number: int) -> Draft | None:
            drawn = replace(sampling, seed=sampling.seed + number)
            written = self.write(spec.context.prefix, drawn, spec, lambda _: None, region)
            return Draft(written.text) if written.is_finished else None

        return writer


def load(folder: Path) -> LocalModel:
    """The causal language model in `folder`. Nothing is downloaded, and no code of the model's own
    is run.

    Raises:
        InputError: the folder holds no model, or Transformers isn't installed.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise InputError(
            "--model: needs the extra `transformers`; run `pip install 'ananke[transformers]'`"
        ) from error
    if not folder.is_dir():
        raise InputError(f"--model: {folder} is no folder; give one with a model and its tokenizer")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"--model: {folder} holds no model that can be loaded: {reason}"
        ) from error
    return LocalModel(tokenizer, model, from_transformers(tokenizer, size=model.config.vocab_size))


def write_with_model(
    folder: Path,
    prompt: str,
    sampling: Sampling,
    spec: ConstraintSpec | None,
    shown: Callable[[bytes], None],
) -> Written:
    """Loads the model in `folder` and writes with it. Raises as `load` and `LocalModel.write`."""
    return load(folder).write(prompt, sampling, spec, shown)
