"""The evaluations themselves: harnesses that can't fail measure nothing."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from ananke.parsing import load_grammar
from ananke.parsing.classifier import load_classifier
from ananke.parsing.state import ParseState
from ananke.vocabulary import from_tokens
from evals import agree, corpora, judges, mask, mutants, places, report, sources, tokens, walk
from evals.evaluation import Options, generator
from evals.sources import SUFFIXES

PROGRAM = b"def f(a):\n    return [a, 'x']\n\n\nprint(f(1))\n"
#: ASCII, and some longer tokens that cross lexemes.
WORDS = [bytes([byte]) for byte in (10, *range(32, 127))] + [
    b"def ",
    b"\n    ",
    b"()",
    b"):\n",
    b"return",
    b"x'",
]
EOS = len(WORDS)


@pytest.fixture(scope="module")
def classifier():
    vocabulary = from_tokens([*WORDS, b""], eos=(EOS,), name="bytes and more")
    return load_classifier(load_grammar("python"), vocabulary)


class TestReport:
    """The document is rewritten section by section."""

    def test_a_section_is_rewritten_in_place_and_the_others_stay(self, tmp_path):
        place = report.Place(tmp_path / "docs" / "results.md", tmp_path / "out")
        report.write_section(place, "walk", "## Walks\n\nold")
        report.write_section(place, "agree", "## Agreement\n\nfirst")
        report.write_section(place, "walk", "## Walks\n\nnew")
        text = place.document.read_text()
        assert "old" not in text
        assert text.index("## Agreement\n\nfirst") < text.index("## Walks\n\nnew")
        assert text.count("<!-- begin ") == text.count("<!-- end ") == 2

    def test_a_section_that_this_program_does_not_know_stays(self, tmp_path):
        place = report.Place(tmp_path / "results.md", tmp_path)
        later = "<!-- begin later -->\n## Later\n<!-- end later -->\n"
        place.document.write_text(later)
        report.write_section(place, "walk", "## Walks")
        assert later in place.document.read_text()

    def test_unknown_sections_and_broken_markers_are_errors(self, tmp_path):
        place = report.Place(tmp_path / "results.md", tmp_path)
        with pytest.raises(ValueError, match="no section 'other'"):
            report.write_section(place, "other", "text")
        place.document.write_text("<!-- begin walk -->\n## Walks\n")
        with pytest.raises(ValueError, match="'walk' has no end"):
            report.write_section(place, "agree", "text")
        place.document.write_text("# Results\n<!-- end walk -->\n")
        with pytest.raises(ValueError, match="results.md:2"):
            report.write_section(place, "agree", "text")

    def test_shares_are_never_rounded_up_to_all(self):
        assert report.percent(9_999_999, 10_000_000) != "100 %"
        assert report.percent(299_999, 300_000) == "99.9997 %"
        assert report.percent(10, 10) == "100 %"
        assert report.percent(0, 0) == "-"

    def test_summaries_are_kept_by_language(self, tmp_path):
        place = report.Place(tmp_path / "results.md", tmp_path)
        report.save_summary(place, "walk", "zig", {"walks": 3})
        report.save_summary(place, "walk", "go", {"walks": 2})
        loaded = report.load_summaries(place, "walk", ("go", "rust", "zig"))
        assert loaded == {"go": {"walks": 2}, "zig": {"walks": 3}}
        assert list(loaded) == ["go", "zig"]


class TestJudges:
    """The judges say no to what is wrong."""

    @pytest.mark.parametrize("language", list(SUFFIXES))
    def test_tree_sitter_rejects_an_unclosed_bracket(self, language):
        assert not judges.is_program(language, b"(((")
        assert judges.first_error(language, b"(((") is not None

    def test_accepted_text_has_no_error_and_all_its_lexemes(self):
        assert judges.is_program("python", PROGRAM)
        assert judges.first_error("python", PROGRAM) is None
        found = [PROGRAM[leaf.start : leaf.end] for leaf in judges.leaves("python", PROGRAM)]
        assert b"def" in found
        assert b"".join(found) == PROGRAM.replace(b" ", b"").replace(b"\n", b"")

    def test_compilers_reject_broken_syntax(self):
        assert judges.compiler_accepts("python", [PROGRAM, b"def f(:\n"]) == [True, False]
        zig = [b"const a = 1;\n", b"const a = ;\n", b"fn f() void { return }\n"]
        zig += [b"const a = 1 < 2 < 3;\n", b"const a = 1+ 2;\n"]
        assert judges.compiler_accepts("zig", zig) == [True, False, False, False, False]
        with pytest.raises(ValueError, match="no compiler at hand for swift"):
            judges.compiler_accepts("swift", [b""])

    def test_what_only_rows_refuse_is_told(self):
        go = b"package a\n\nfunc f() { g(a\n) }\n"
        assert judges.is_program("go", go)
        assert judges.is_refused_by_rows("go", go)
        assert judges.is_refused_by_rows("rust", b"fn f() { let a = |pub| 1; }")
        assert not judges.is_refused_by_rows("go", b"package a\n\nfunc f() { g(a }\n")


class TestPlaces:
    """Places are exact."""

    def test_the_dead_byte_is_the_first_that_has_no_continuation(self):
        grammar = load_grammar("python")
        text = b"x = (1]\n"
        at = places.dead_at(grammar, text)
        assert at is not None
        assert grammar.parse(text[:at]) is not None
        assert grammar.parse(text[: at + 1]) is None
        assert text[at : at + 1] == b"]"
        assert places.dead_at(grammar, b"x = (1") is None

    def test_excerpts_show_the_place(self):
        text = b"a = 1\nb = `(]\n"
        assert places.line_of(text, text.index(b"]")) == 2
        assert places.excerpt(text, text.index(b"]")) == "b = '(⟦]"


class TestMutants:
    """Mutants change what they say."""

    @pytest.mark.parametrize("kind", mutants.KINDS)
    def test_a_mutant_differs_where_it_says(self, kind):
        lexemes = judges.leaves("python", PROGRAM)
        for seed in range(20):
            mutant = mutants.mutate(PROGRAM, lexemes, kind, random.Random(seed))
            assert mutant.text[: mutant.at] == PROGRAM[: mutant.at]
            assert (len(mutant.text) - len(PROGRAM)) * {"delete": -1, "insert": 1, "swap": 0}[
                kind
            ] >= 0
            if kind != "swap":
                assert mutant.text != PROGRAM

    def test_an_unknown_kind_is_an_error(self):
        lexemes = judges.leaves("python", PROGRAM)
        with pytest.raises(ValueError, match="'turn'"):
            mutants.mutate(PROGRAM, lexemes, "turn", random.Random(1))


class TestCorpora:
    """Samples are deterministic."""

    def _directory(self, tmp_path: Path) -> Path:
        for registry, packages in (
            ("npm", sources.NPM),
            ("debian", sources.DEBIAN),
            ("pypi", sources.WHEELS),
        ):
            for package in packages:
                folder = tmp_path / registry / package.folder
                folder.mkdir(parents=True)
                for number in range(3):
                    text = f"// {package.name} {number}\n" + "x" * 80
                    (folder / f"{number}.go").write_text(text)
        return tmp_path

    def test_a_sample_is_stable_without_repetition_and_honours_the_seed(self, tmp_path):
        directory = self._directory(tmp_path)
        folder = directory / "debian" / "golang-1.19-src"
        (folder / "copy.go").write_bytes((folder / "0.go").read_bytes())
        (folder / "testdata").mkdir()
        (folder / "testdata" / "bad.go").write_text("package wrong" + "x" * 80)
        (folder / "latin.go").write_bytes(b"// \xe9" + b"x" * 80)
        (folder / "short.go").write_text("package p")
        found = corpora.sample(directory, "go", 100, 1)
        assert len(found) == 3
        assert len({source.text for source in found}) == 3
        other = corpora.sample(directory, "go", 100, 2)
        assert {source.text for source in other} == {source.text for source in found}
        assert corpora.sample(directory, "go", 2, 1) == found[:2]

    def test_missing_packages_name_the_command(self, tmp_path):
        with pytest.raises(corpora.CorpusError, match="python -m evals corpora"):
            corpora.sample(tmp_path, "rust", 1, 1)


class TestCuts:
    """Cuts spell the text."""

    def test_random_cuts_spell_the_text_and_differ(self, classifier):
        vocabulary = classifier.vocabulary
        cuts = [tokens.cut_randomly(vocabulary, PROGRAM, random.Random(seed)) for seed in range(8)]
        for cut in cuts:
            assert b"".join(map(vocabulary.token_bytes, cut)) == PROGRAM
        assert len({tuple(cut) for cut in cuts}) > 1

    def test_a_vocabulary_that_lacks_a_byte_is_an_error(self):
        vocabulary = from_tokens([b"a", b""], eos=(1,), name="only a")
        with pytest.raises(ValueError, match="only a"):
            tokens.cut_randomly(vocabulary, b"aab", random.Random(1))

    def test_generators_are_their_own(self):
        options = Options(Path(), seed=7)
        first, second = generator(options, "walk", 1), generator(options, "walk", 2)
        assert first.random() != second.random()
        assert generator(options, "walk", 1).random() == generator(options, "walk", 1).random()


class TestReplay:
    """Replay notices what it is there to notice."""

    def test_a_program_is_admitted_and_a_broken_one_is_noticed(self, classifier):
        vocabulary = classifier.vocabulary
        good = tokens.cut_randomly(vocabulary, PROGRAM, random.Random(1))
        assert agree.replay(classifier, good) == ([], False)
        broken = tokens.cut_randomly(vocabulary, b"x = (1]\n", random.Random(1))
        masked, dead = agree.replay(classifier, broken)
        assert dead
        assert [vocabulary.token_bytes(broken[at])[:1] for at in masked] == [b"]"]

    def test_an_unfinished_program_is_noticed(self, classifier):
        unfinished = tokens.cut_randomly(classifier.vocabulary, b"x = (1", random.Random(1))
        assert agree.replay(classifier, unfinished) == ([], True)

    def test_a_mask_that_lacks_a_bit_is_noticed(self, classifier, monkeypatch):
        program = tokens.cut_randomly(classifier.vocabulary, PROGRAM, random.Random(1))
        wrong = program[5]
        fill = type(classifier).fill

        def fill_without(self, state: ParseState, words: np.ndarray) -> None:
            fill(self, state, words)
            words[wrong >> 5] &= np.int32(~(1 << (wrong & 31)))

        monkeypatch.setattr(type(classifier), "fill", fill_without)
        masked, _ = agree.replay(classifier, program)
        assert 5 in masked


class TestMask:
    """A wrong bit is found."""

    def test_equal_masks_pass_and_a_flipped_bit_is_found_twice(self, classifier, monkeypatch):
        state = classifier.grammar.parse(b"x = (1")
        assert state is not None
        wrong, fed, bits = mask.differences(classifier, state, random.Random(1))
        assert (wrong, fed) == ([], [])
        assert 0 < bits < len(WORDS)
        fill = type(classifier).fill
        flipped = sorted([WORDS.index(b"]"), WORDS.index(b")"), EOS])

        def fill_wrongly(self, state: ParseState, words: np.ndarray) -> None:
            fill(self, state, words)
            for token in flipped:
                words[token >> 5] ^= np.int32(1 << (token & 31))

        monkeypatch.setattr(type(classifier), "fill", fill_wrongly)
        wrong, fed, _ = mask.differences(classifier, state, random.Random(1))
        assert wrong == flipped
        assert EOS in fed


class TestWalk:
    """Walks report their problems."""

    def test_walks_parse(self, classifier):
        closed = 0
        for seed in range(30):
            found = walk.walk(classifier, random.Random(seed), 12, b"def f(a):\n")
            assert found.text.startswith(b"def f(a):\n" + b"".join(found.drawn))
            if not found.problem:
                closed += 1
                assert judges.is_program("python", found.text), found.text
        assert closed > 15

    def test_an_admitted_token_that_feeding_refuses_is_a_problem(self, classifier, monkeypatch):
        def admit_all(self, state: ParseState, words: np.ndarray) -> None:
            words.fill(0)
            for token in range(len(WORDS)):
                words[token >> 5] |= np.int32(1) << np.int32(token & 31)

        monkeypatch.setattr(type(classifier), "fill", admit_all)
        problems = {
            walk.walk(classifier, random.Random(seed), 12, b"x = (").problem for seed in range(30)
        }
        assert any("feeding it refused" in problem for problem in problems)

    def test_a_dead_end_is_a_problem(self, classifier, monkeypatch):
        def admit_none(self, state: ParseState, words: np.ndarray) -> None:
            words.fill(0)

        monkeypatch.setattr(type(classifier), "fill", admit_none)
        assert walk.walk(classifier, random.Random(1), 12).problem.startswith("dead end")
