"""The evaluations of meaning: their mutants, their project, their judge."""

from __future__ import annotations

import ast
import random
from importlib.util import find_spec
from pathlib import Path

import pytest

from ananke.analysis.defects import Defect, Domain
from ananke.languages.python.library import open_library
from ananke.vocabulary import from_tokens
from evals.environment import ModuleSource, environment_folder, make_project, modules
from evals.meaning_kill import kill
from evals.meaning_replay import Refusal, is_false, program_of
from evals.meaning_walk import places, walk
from evals.pyright import Complaint, check
from evals.python_mutants import OPERATORS, mutants

PROGRAM = b"""import os
from math import floor


class Box:
    size: int = 3

    def grow(self, by: int = 1) -> int:
        name = "x" + "y"
        for _ in range(by):
            self.size = floor(2.5)
        print(os.path.join(name, "b"), [1, 2][0], self.size, sep="")
        return self.size


box = Box()
box.grow(by=2)
"""


class TestMutants:
    """Each operator changes one place, and says where."""

    @pytest.mark.parametrize("operator", OPERATORS)
    def test_every_operator_makes_another_program_and_tells_the_place(self, operator):
        found = mutants(PROGRAM, operator, random.Random(1), 2)
        assert found, "the program has a place for each operator"
        for one in found:
            assert one.text != PROGRAM
            assert one.text[: one.start] == PROGRAM[: one.start]
            assert one.start <= one.end <= len(one.text)
            ast.parse(one.text)

    def test_a_text_that_is_no_python_is_an_error(self):
        with pytest.raises(SyntaxError):
            mutants(b"def (", "undefined name", random.Random(1), 1)

    def test_a_dropped_import_can_be_known_at_the_first_use(self):
        (one,) = mutants(b"import os\nx = 1\nprint(os)\n", "dropped import", random.Random(1), 1)
        assert one.text == b"pass\nx = 1\nprint(os)\n"
        assert one.text[one.end - 2 : one.end] == b"os"


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("corpora")
    folder = environment_folder(tmp_path)
    (folder / "pack" / "tests").mkdir(parents=True)
    (folder / "pack" / "__init__.py").write_text('"""A package."""\n' + "VALUE: int = 1\n" * 8)
    (folder / "pack" / "inner.py").write_bytes(b"from . import VALUE\n" + PROGRAM)
    (folder / "pack" / "py.typed").write_text("")
    (folder / "pack-1.dist-info").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def project(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(corpora, tmp_path_factory.mktemp("project"))


class TestProject:
    """Packages and the standard library, as one folder that both judges read."""

    def test_it_holds_the_packages_and_the_standard_library_below_its_own_name(self, project):
        assert (project / "pack" / "py.typed").is_file()
        assert (project / "standard" / "argparse.py").is_file()
        assert not (project / "standard" / "test").exists()

    def test_a_sample_is_the_same_for_the_same_seed_and_names_modules(self, project):
        chosen = modules(project, 6, 1)
        assert chosen == modules(project, 6, 1)
        assert {one.package for one in chosen} == {"pack", "standard"}
        (inner,) = [one for one in chosen if one.path.name == "inner.py"]
        assert (inner.module, inner.is_package) == ("pack.inner", False)


class TestJudging:
    """Refusals are false where the checker sees nothing; mutants are found where they are."""

    def test_a_refusal_is_false_unless_the_checker_complains_of_its_lines(self, tmp_path):
        refusal = Refusal(Defect(Domain.TYPES, "`x` is not defined", 4, 5), 6)
        text = b"a\nb\nc\n"
        assert is_false(text, refusal, [], tmp_path)
        assert is_false(text, refusal, [Complaint(1, 1, "", "")], tmp_path)
        assert not is_false(text, refusal, [Complaint(2, 3, "", "")], tmp_path)

    def test_a_module_that_is_not_in_the_project_is_rightly_refused(self, tmp_path):
        refusal = Refusal(Defect(Domain.IMPORTS, "there is no module `uvloop`", 7, 13), 14)
        assert not is_false(b"import uvloop\n", refusal, [], tmp_path)
        (tmp_path / "uvloop.py").write_text("")
        assert is_false(b"import uvloop\n", refusal, [], tmp_path)

    @pytest.mark.skipif(find_spec("dashscope") is None, reason="the vocabulary's package")
    def test_mutants_are_refused_at_the_place_or_at_the_end(self, project, corpora):
        text = b"import os\nprint(os)\n\n\ndef f() -> int:\n    return os.getpid()\n"
        path = project / "pack" / "case.py"
        path.write_bytes(text)
        source = ModuleSource("pack", "pack.case", path, text)
        library = open_library(environment=environment_folder(corpora), project=(project,))
        rng = random.Random(1)
        member = mutants(text, "misspelt module member", rng, 1)
        dropped = mutants(text, "dropped import", rng, 1)
        at_place, at_use = kill(source, program_of(source, library), [*member, *dropped])
        assert at_place.late is not None
        assert at_place.late <= 2
        assert "has no attribute" in at_place.message
        assert at_use.late is not None
        assert at_use.late <= 2
        wrong = ModuleSource("pack", "pack.case", path, b"import nothing\n" + text)
        with pytest.raises(ValueError, match=r"pack\.case is refused as it is"):
            kill(wrong, program_of(wrong, library), [])

    def test_bodies_are_drawn_inside_of_their_functions(self, project, corpora):
        text = (
            b"import os\n\n\ndef f(n: int) -> int:\n    return n\n\n\n"
            b"class A:\n    def g(self): return 1\n    @property\n    def h(self):\n        pass\n"
        )
        source = ModuleSource("pack", "pack.case", project / "pack" / "case.py", text)
        first, last = places(source)
        assert text[first.start : first.end] == b"return n"
        assert text[last.start : last.end] == b"pass"
        vocabulary = from_tokens([*(bytes([one]) for one in range(256)), b""], eos=[256])
        folder = project, corpora
        ended = 0
        for seed in range(4):
            found = walk(first, vocabulary, random.Random(seed), [5], folder)
            assert found.problem in ("", "not closed")
            if not found.problem:
                ended += 1
                tree = ast.parse(text[: first.start] + found.body + text[first.end :])
                assert [getattr(one, "name", "") for one in tree.body] == ["", "f", "A"]
        assert ended

    @pytest.mark.slow
    def test_the_checker_reports_errors_by_line(self, project):
        pytest.importorskip("basedpyright", reason="the type checker of the evaluations")
        wrong = project / "pack" / "wrong.py"
        wrong.write_text("from pack.inner import Box\n\nBox().grow('a')\nBox().grow(1)\n")
        (complaint,) = check(project, [wrong])[wrong]
        assert (complaint.line, complaint.rule) == (3, "reportArgumentType")
