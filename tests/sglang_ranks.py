"""Ranks of one tensor-parallel group, each a process with SGLang's grammar manager.

Only in the environment of `make sglang`.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RANKS = 2
COLUMNS = 330
STEPS = 25


def masks_of_ranks(specs: list[str], folder: Path) -> list[dict[str, Any]]:
    """What each rank found: a digest of all rows at each step, the errors, the texts (hex)."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.sglang_ranks", str(rank), str(folder), json.dumps(specs)],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(RANKS)
    ]
    found = []
    for process in running:
        try:
            output, errors = process.communicate(timeout=300)
        finally:
            process.kill()
        assert process.returncode == 0, errors[-2000:]
        found.append(json.loads(output.splitlines()[-1]))
    return found


def run(rank: int, folder: Path, specs: list[str]) -> dict[str, Any]:
    """One rank's part. All ranks get the same requests and the same sampled tokens, as they do
    where the sampler's seed is shared."""
    from tests import sglang_process  # isort: skip  # before anything else of SGLang

    import torch
    import torch.distributed as dist
    from sglang.srt.constrained.grammar_manager import GrammarManager
    from sglang.srt.runtime_context import get_parallel
    from sglang.srt.sampling.sampling_batch_info import SamplingBatchInfo

    from ananke.spec import SCHEMA_KEYWORD
    from tests.conformance.test_on_sglang import _Request
    from tests.conformance.tokenizer import EOS, fast_tokenizer

    sglang_process.begin()
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/ranks", rank=rank, world_size=RANKS
    )
    scheduler = SimpleNamespace(
        server_args=None,
        tokenizer=fast_tokenizer(),
        model_config=SimpleNamespace(vocab_size=COLUMNS, hf_eos_token_id={EOS}, think_end_ids=None),
        dp_tp_cpu_group=dist.group.WORLD,
        dp_tp_group=SimpleNamespace(world_size=RANKS, first_rank=0, is_first_rank=rank == 0),
        pp_group=None,
    )
    with get_parallel().override(pp_rank=0, pp_size=1):
        manager = GrammarManager(scheduler)
    if rank == 1:
        # It compiles later: its executor is busy.
        workers = manager.grammar_backend.executor._max_workers
        for _ in range(workers):
            manager.grammar_backend.executor.submit(time.sleep, 0.5)
    requests = [_Request(f'{{"{SCHEMA_KEYWORD}": {spec}}}') for spec in specs]
    waiting = [one for one in requests if manager.process_req_with_grammar(one)]
    while waiting:
        done = manager.get_ready_grammar_requests()
        waiting = [one for one in waiting if one not in done]
    grammars = [one.grammar for one in requests if one.error is None]
    draw = random.Random(1)
    digests = []
    for _ in range(STEPS):
        info = SimpleNamespace(
            grammars=grammars,
            temperatures=torch.ones(len(grammars), 1),
            vocab_size=COLUMNS,
            device="cpu",
        )
        SamplingBatchInfo.update_regex_vocab_mask(info)
        mask = info.grammar_mask.vocab_mask
        digests.append(hashlib.sha256(mask.numpy().tobytes()).hexdigest())
        logits = torch.zeros(len(grammars), COLUMNS)
        info.grammar_mask.apply(logits)
        for grammar, row in zip(grammars, logits, strict=True):
            admitted = torch.isfinite(row).nonzero().flatten().tolist()
            token = draw.choice([one for one in admitted if one != EOS] or [EOS])
            if not grammar.is_terminated():
                grammar.accept_token(token)
    dist.destroy_process_group()
    return {
        "masks": digests,
        "errors": [one.error for one in requests],
        "texts": [grammar.session.text.hex() for grammar in grammars],
    }


if __name__ == "__main__":
    found = run(int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
    print(json.dumps(found))
