"""Progress of long work, on the terminal only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["console", "say", "steps"]

Item = TypeVar("Item")

#: Progress and findings go to the standard error: the standard output is for `--json`.
console = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """One line to the terminal."""
    console.print(text, markup=False, soft_wrap=True)


def steps(title: str, items: Sequence[Item]) -> Iterator[Item]:
    """The items, with a progress bar while they are worked on."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(title, total=len(items))
        for item in items:
            yield item
            progress.advance(task)
