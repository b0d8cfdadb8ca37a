"""`ananke demo`: the same prompts written without and with the mask, and the compilers' word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ananke.cli.judges import Verdict, judge
from ananke.cli.ngram import Model
from ananke.cli.reading import prefix_spec
from ananke.cli.writing import Sampling, Written, write

__all__ = ["PROMPTS", "DemoText", "run"]

#: (language, what the text begins with).
PROMPTS = (
    ("python", "def fibonacci(n):\n    "),
    ("python", "class Config:\n    def __init__(self, path):\n        "),
    ("python", "import os\n\nfor name in sorted(os.listdir()):\n    "),
    ("zig", 'const std = @import("std");\n\npub fn main() !void {\n    '),
    ("zig", "pub fn max(a: u32, b: u32) u32 {\n    "),
    ("zig", "const Point = struct {\n    "),
)


@dataclass(frozen=True)
class DemoText:
    """A text and what its compiler says; `verdict` is None where no compiler is installed."""

    language: str
    prompt: str
    is_masked: bool
    written: Written
    verdict: Verdict | None


def run(models: Callable[[str], Model], max_tokens: int, seed: int) -> Iterator[DemoText]:
    """Writes each prompt on, without and then with the mask; `models` gives the model of a
    language."""
    for number, (language, prompt) in enumerate(PROMPTS):
        for is_masked in (False, True):
            spec = prefix_spec(language, prompt) if is_masked else None
            sampling = Sampling(max_tokens=max_tokens, seed=seed + number)
            written = write(models(language), prompt, sampling, spec)
            verdict = judge(language, prompt.encode() + written.text)
            yield DemoText(language, prompt, is_masked, written, verdict)
