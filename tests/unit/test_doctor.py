"""What `ananke doctor` finds, in a working installation and in broken ones."""

from __future__ import annotations

import re

import pytest

from ananke import __version__, native
from ananke.cli import doctor
from ananke.languages import LANGUAGES
from ananke.parsing.grammar import GrammarError, load_grammar


def test_a_working_installation(cache_directory):
    facts = doctor.gather()
    assert facts.is_healthy
    assert facts.version == __version__
    assert facts.native.cpu_variant in facts.native.cpu_variants
    assert facts.cache.directory == str(cache_directory)
    assert facts.cache.is_writable
    assert [one.language for one in facts.grammars] == list(LANGUAGES)
    assert all(one.state_count > 0 and one.mode_count > 0 for one in facts.grammars)
    text = doctor.render(facts)
    assert text.endswith("all is well\n")
    assert "!" not in text
    assert re.search(r"^grammar +python +tree-sitter-python \S+, [\d,]+ states", text, re.MULTILINE)
    assert f"numpy {dict(facts.packages)['numpy']}\n" in text


def test_without_the_native_core(monkeypatch):
    def missing() -> None:
        raise native.NativeError("libananke.so: the native core is missing; run `make native`")

    monkeypatch.setattr(native, "library", missing)
    facts = doctor.gather()
    assert not facts.is_healthy
    assert facts.native.cpu_variant is None
    text = doctor.render(facts)
    assert "! libananke.so: the native core is missing; run `make native`" in text
    assert text.count("! the native core can't be used") == len(LANGUAGES)
    assert text.endswith("something is broken: see the lines with !\n")


def test_without_a_grammar(monkeypatch):
    def load(name: str):
        if name == "zig":
            raise GrammarError("zig: the grammar wheel is missing")
        return load_grammar(name)

    monkeypatch.setattr(doctor, "load_grammar", load)
    facts = doctor.gather()
    assert not facts.is_healthy
    assert [one.language for one in facts.grammars if one.problem] == ["zig"]
    assert "! zig: the grammar wheel is missing" in doctor.render(facts)


@pytest.mark.parametrize("place", ["file", "below a file"])
def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path, monkeypatch, place):
    file = tmp_path / "file"
    file.write_bytes(b"")
    directory = file if place == "file" else file / "cache"
    monkeypatch.setenv("ANANKE_CACHE_DIR", str(directory))
    facts = doctor.gather()
    assert facts.is_healthy
    assert not facts.cache.is_writable
    assert "! not writable" in doctor.render(facts)


def test_the_cache_s_size_is_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("ANANKE_CACHE_DIR", str(tmp_path))
    (tmp_path / "kind").mkdir()
    (tmp_path / "kind" / "entry").write_bytes(bytes(1234))
    assert doctor.gather().cache.bytes_used >= 1234
    assert list(tmp_path.glob(".*")) == []
