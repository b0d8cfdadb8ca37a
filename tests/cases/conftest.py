"""Collects the Markdown cases: one test for each fenced program.

pytest tests/cases                  # all cases
pytest tests/cases --update         # rewrites the answers that are stored in them
pytest tests/cases --oracle         # the real compilers judge the cases as well
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from ananke.languages import LANGUAGES
from tests.case_runner.checking import Answer, check_marks, walk_program
from tests.case_runner.engine import load_engine
from tests.case_runner.evidence import ask_oracle
from tests.case_runner.laws import check_laws
from tests.case_runner.oracles import find_oracle, name_of_oracle
from tests.case_runner.reading import Block, CaseError, read_cases

_FOLDER = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` and `--oracle`."""
    group = parser.getgroup("cases")
    group.addoption("--update", action="store_true", help="rewrite the stored answers of cases")
    group.addoption("--oracle", action="store_true", help="ask the real compilers about cases")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A Markdown file other than the README holds cases."""
    if file_path.suffix == ".md" and file_path.name != "README.md":
        return CaseFile.from_parent(parent, path=file_path)
    return None


class CaseFile(pytest.File):
    """One Markdown file."""

    def collect(self) -> Iterable[pytest.Item]:
        try:
            blocks = read_cases(self.path.read_text(), LANGUAGES)
        except CaseError as error:
            raise self.CollectError(f"{self.path}:{error.line}: {error.problem}") from None
        for block in blocks:
            yield CaseItem.from_parent(self, name=block.name, block=block)


class CaseItem(pytest.Item):
    """One program with its marks."""

    def __init__(self, *, block: Block, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.block = block
        if "slow" in block.words:
            self.add_marker(pytest.mark.slow)

    def runtest(self) -> None:
        block = self.block
        engine = load_engine(block.language, _programs(block.language))
        walk = walk_program(block, engine.start())
        self._settle(check_marks(block, walk))
        check_laws(block, walk, engine)
        # Plain `pytest` reads this file too late for its options to be known.
        if self.config.getoption("oracle", False):
            oracle = find_oracle(block.language)
            if oracle is None:
                pytest.skip(f"{name_of_oracle(block.language)} is not installed")
            if oracle.version < block.since:
                wanted = ".".join(map(str, block.since))
                pytest.skip(f"{oracle.name} {oracle.version} is older than {wanted}")
            ask_oracle(block, walk, oracle)

    def _settle(self, answers: list[Answer]) -> None:
        """Rewrites the stored answers that differ, or fails on the first."""
        if not answers:
            return
        if not self.config.getoption("update", False):
            mark, listed = answers[0].mark, answers[0].listed
            raise CaseError(
                mark.line, f"{mark.verb}: {listed} (not {mark.listed}); --update rewrites it"
            )
        lines = self.path.read_text().split("\n")
        for answer in answers:
            at = answer.mark.line - 1
            lines[at] = lines[at].replace(answer.mark.listed, answer.listed)
        self.path.write_text("\n".join(lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: None = None) -> str:  # type: ignore[override]
        if isinstance(excinfo.value, CaseError):
            return f"{self.path}:{excinfo.value.line}: {excinfo.value.problem}"
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.block.line - 1, self.name


@cache
def _programs(language: str) -> tuple[bytes, ...]:
    """All texts of a language's cases: what its small vocabulary is made of."""
    return tuple(_texts(language))


def _texts(language: str) -> Iterator[bytes]:
    for path in sorted(_FOLDER.rglob("*.md")):
        if path.name == "README.md":
            continue
        try:
            blocks = read_cases(path.read_text(), LANGUAGES)
        except CaseError:
            # That file fails where it is collected.
            continue
        for block in blocks:
            if block.language == language:
                yield block.program
                for mark in block.marks:
                    yield from mark.texts
