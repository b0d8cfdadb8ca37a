"""vLLM's process on a machine without a GPU: importing this makes its modules importable.

Only in the environment of `make vllm`. vLLM's package on PyPI is built for CUDA: it can't load a
model here. Its configuration, input processor, request states, batches and samplers can be made;
the kernels among them run in Triton's interpreter.
"""

from __future__ import annotations

import os

# Before Triton is imported. An empty list of devices says that they may come later, so that vLLM
# doesn't replace Triton with stubs.
os.environ.update(
    TRITON_INTERPRET="1",
    CUDA_VISIBLE_DEVICES="",
    TORCHDYNAMO_DISABLE="1",
    VLLM_LOGGING_LEVEL="ERROR",
)

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import transformers
import vllm.platforms
from vllm.platforms.cpu import CpuPlatform

# It goes by the package's name, which says CUDA.
vllm.platforms._current_platform = CpuPlatform()

import vllm.v1.worker.gpu.buffer_utils  # noqa: E402
from vllm.engine.arg_utils import EngineArgs  # noqa: E402
from vllm.v1.worker.cpu.buffer_utils import UvaBuffer  # noqa: E402

# As the worker for CPUs does.
vllm.v1.worker.gpu.buffer_utils.UvaBuffer = UvaBuffer

from tests.conformance.engine import Setup  # noqa: E402
from tests.conformance.tokenizer import PAD, fast_tokenizer  # noqa: E402

#: What a user writes after --logits-processors.
PROCESSOR = "ananke.adapters.vllm:AnankeLogitsProcessor"
MOST_REQUESTS = 16
MOST_TOKENS = 1024


#: The model's files, until the process ends.
_FOLDER = tempfile.TemporaryDirectory()


@cache
def configuration(setup: Setup) -> Any:
    """The engine's configuration for a model of which there are only the files that say what it
    is, and its tokenizer."""
    folder = Path(_FOLDER.name, f"{setup.columns}-{len(setup.eos)}")
    fast_tokenizer().save_pretrained(folder)
    transformers.LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=setup.columns,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=MOST_TOKENS,
        eos_token_id=list(setup.eos),
        pad_token_id=PAD,
    ).save_pretrained(folder)
    return EngineArgs(
        model=str(folder),
        logits_processors=[PROCESSOR],
        max_model_len=MOST_TOKENS,
        max_num_seqs=MOST_REQUESTS,
        dtype="float32",
        enforce_eager=True,
    ).create_engine_config()
