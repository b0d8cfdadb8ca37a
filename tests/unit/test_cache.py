"""The disk cache: whole entries or none, whatever happens to the files."""

from __future__ import annotations

import logging
import os
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ananke.vocabulary import DiskCache, load_vocabulary
from tests.vocabularies import sentencepiece_file


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path / "cache")


def held(cache: DiskCache, kind: str = "thing", key: str = "key") -> bytes | None:
    payload = cache.get(kind, key)
    return None if payload is None else bytes(payload)


def entries(cache: DiskCache) -> list[Path]:
    return [path for path in cache.directory.rglob("*") if path.is_file() or path.is_symlink()]


def entry(cache: DiskCache) -> Path:
    (path,) = entries(cache)
    return path


def test_what_was_put_is_there(cache: DiskCache) -> None:
    assert held(cache) is None
    for payload in (b"first", b"", bytes(range(256)) * 5000):
        cache.put("thing", "key", payload)
        assert held(cache) == payload
    cache.put("thing", "other", b"other")
    cache.put("thing-2", "key", memoryview(b"another kind"))
    assert held(cache) == bytes(range(256)) * 5000
    assert held(cache, key="other") == b"other"
    assert held(cache, "thing-2") == b"another kind"
    assert held(DiskCache(cache.directory), key="other") == b"other"


def test_a_payload_is_read_only_and_aligned_and_outlives_its_file(cache: DiskCache) -> None:
    cache.put("thing", "key", b"x" * 10_000)
    payload = cache.get("thing", "key")
    assert payload is not None
    assert payload.readonly
    assert payload.nbytes == 10_000
    cache.put("thing", "key", b"y")
    entry(cache).unlink()
    assert bytes(payload) == b"x" * 10_000
    assert held(cache) is None


@given(st.data())
def test_a_changed_byte_or_a_cut_is_seen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    cache = DiskCache(tmp_path_factory.getbasetemp() / "changed")
    payload = random.Random(1).randbytes(300)
    cache.put("thing", "key", payload)
    path = entry(cache)
    raw = bytearray(path.read_bytes())
    change = data.draw(st.sampled_from(["bit", "cut", "more"]))
    if change == "bit":
        at = data.draw(st.integers(0, len(raw) * 8 - 1))
        raw[at // 8] ^= 1 << at % 8
    elif change == "cut":
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    else:
        raw += data.draw(st.binary(min_size=1, max_size=70))
    path.write_bytes(raw)
    assert held(cache) is None
    assert not path.exists()
    cache.put("thing", "key", payload)
    assert held(cache) == payload


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (0, b"PICKLED!", "is not a cache file"),
        (8, struct.pack("=I", 99), "has version 99, not 1"),
        (12, struct.pack("<I" if sys.byteorder == "big" else ">I", 0x01020304), "another byte ord"),
        (70, b"?", "is damaged"),
    ],
)
def test_a_foreign_file_is_made_anew(
    cache: DiskCache, caplog: pytest.LogCaptureFixture, offset: int, value: bytes, reason: str
) -> None:
    cache.put("thing", "key", b"payload")
    path = entry(cache)
    raw = bytearray(path.read_bytes())
    raw[offset : offset + len(value)] = value
    path.write_bytes(raw)
    assert held(cache) is None
    assert reason in caplog.text
    assert "made anew" in caplog.text
    assert not path.exists()


def test_an_entry_under_the_name_of_another(
    cache: DiskCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("thing", "one", b"one")
    first = entry(cache)
    cache.put("thing", "two", b"two")
    second = next(path for path in entries(cache) if path != first)
    second.write_bytes(first.read_bytes())
    assert held(cache, key="two") is None
    assert "holds another entry" in caplog.text
    assert held(cache, key="one") == b"one"


@pytest.mark.parametrize(
    "key", ["../../escaped", "/etc/passwd", "a/b", "..", "", "nul\0", "\ud800", "k" * 10_000]
)
def test_no_key_leads_out_of_the_folder(cache: DiskCache, tmp_path: Path, key: str) -> None:
    cache.put("thing", key, b"payload")
    assert held(cache, key=key) == b"payload"
    assert entry(cache).parent == cache.directory / "thing"
    assert list(tmp_path.iterdir()) == [cache.directory]


@pytest.mark.parametrize("kind", ["", "..", "a/b", "A", "a" * 33, ".new", "a\n"])
def test_kinds_are_plain_words(cache: DiskCache, kind: str) -> None:
    with pytest.raises(ValueError, match="^kind "):
        cache.put(kind, "key", b"")
    with pytest.raises(ValueError, match="^kind "):
        cache.get(kind, "key")


def test_a_link_is_not_followed(
    cache: DiskCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("thing", "key", b"payload")
    path = entry(cache)
    target = tmp_path / "target"
    path.rename(target)
    path.symlink_to(target)
    before = target.read_bytes()
    assert held(cache) is None
    assert "is a link" in caplog.text
    path.symlink_to(target)
    cache.put("thing", "key", b"new")
    assert held(cache) == b"new"
    assert target.read_bytes() == before
    assert not path.is_symlink()


def test_a_folder_or_a_pipe_in_the_place_of_an_entry(
    cache: DiskCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("thing", "key", b"payload")
    path = entry(cache)
    path.unlink()
    path.mkdir()
    assert held(cache) is None
    cache.put("thing", "key", b"payload")
    assert "can't be written" in caplog.text
    path.rmdir()
    os.mkfifo(path)
    assert held(cache) is None
    cache.put("thing", "key", b"payload")
    assert held(cache) == b"payload"


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_place_that_can_not_be_written(
    tmp_path: Path, depth: int, caplog: pytest.LogCaptureFixture
) -> None:
    # A file where a folder should be: permissions wouldn't stop a superuser.
    blocked = tmp_path / "blocked"
    if depth == 2:
        blocked.mkdir()
        (blocked / "thing").write_bytes(b"")
    else:
        blocked.write_bytes(b"")
    cache = DiskCache(blocked / "deeper" if depth == 1 else blocked)
    cache.put("thing", "key", b"payload")
    assert "can't be written" in caplog.text
    assert held(cache) is None


def test_a_full_disk_leaves_nothing_behind(
    cache: DiskCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("thing", "key", b"old")

    def replace(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", replace)
    cache.put("thing", "key", b"new")
    assert "can't be written (No space left on device)" in caplog.text
    assert held(cache) == b"old"
    assert len(entries(cache)) == 1


def ages(cache: DiskCache) -> Iterator[int]:
    """Makes what was just put or read older than what comes next."""
    for age in range(10_000, 0, -10):
        for path in entries(cache):
            if path.stat().st_mtime > 1e9:
                os.utime(path, (1e8 - age, 1e8 - age))
        yield age


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, max_bytes=5000)
    age = ages(cache)
    for key in "abcd":
        cache.put("thing", key, key.encode() * 1000)
        next(age)
    assert held(cache, key="a") == b"a" * 1000
    next(age)
    cache.put("other", "e", b"e" * 1000)
    assert {key: held(cache, key=key) is not None for key in "abcd"} == {
        "a": True,
        "b": False,
        "c": True,
        "d": True,
    }
    assert held(cache, "other", "e") == b"e" * 1000
    assert sum(path.stat().st_size for path in entries(cache)) <= 5000
    cache.put("thing", "large", b"l" * 4800)
    assert [path.stat().st_size for path in entries(cache)] == [4800 + 64]


def test_what_is_larger_than_the_cache_is_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = DiskCache(tmp_path, max_bytes=1000)
    cache.put("thing", "small", b"s")
    cache.put("thing", "large", b"l" * 1000)
    assert held(cache, key="large") is None
    assert held(cache, key="small") == b"s"
    assert "is not kept: the cache may have 1000" in caplog.text


def test_what_a_dead_writer_left_goes(cache: DiskCache) -> None:
    cache.put("thing", "key", b"payload")
    folder = cache.directory / "thing"
    (folder / ".new-dead").write_bytes(b"half")
    os.utime(folder / ".new-dead", (1e8, 1e8))
    (folder / ".new-alive").write_bytes(b"half")
    cache.put("thing", "key", b"payload")
    assert not (folder / ".new-dead").exists()
    assert (folder / ".new-alive").exists()


def test_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANANKE_CACHE_DIR", str(tmp_path / "given"))
    assert DiskCache().directory == tmp_path / "given"
    monkeypatch.delenv("ANANKE_CACHE_DIR")
    assert DiskCache().directory.name == "ananke"
    monkeypatch.setenv("ANANKE_CACHE_DIR", "")
    assert DiskCache().directory.name == "ananke"


RACER = """
import random, sys
from pathlib import Path
from ananke.vocabulary import DiskCache

name, other, folder = sys.argv[1:]
cache = DiskCache(Path(folder), max_bytes=150_000)
rng = random.Random(name)
print("ready", flush=True)
sys.stdin.readline()
seen = 0
for _ in range(300):
    key = str(rng.randrange(6))
    body = (name + key).encode() * rng.randrange(1, 20_000)
    cache.put("race", key, body)
    key = str(rng.randrange(6))
    payload = cache.get("race", key)
    if payload is not None:
        found = bytes(payload)
        seen += found[:1] == other.encode()
        unit = found[:2]
        assert unit in ((name + key).encode(), (other + key).encode()), unit
        assert found == unit * (len(found) // 2)
print(seen)
"""


def test_processes_that_race(cache: DiskCache) -> None:
    command = [sys.executable, "-c", RACER]
    racers = [
        subprocess.Popen(
            [*command, *names, str(cache.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for names in (("A", "B"), ("B", "A"))
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outcomes = [racer.communicate() for racer in racers]
    for racer, (_, errors) in zip(racers, outcomes, strict=True):
        assert racer.returncode == 0, errors
        # Nobody's file was ever seen half-written, so nothing had to be made anew.
        assert "made anew" not in errors
    # Each saw what the other wrote, or the one that was late did.
    assert sum(int(seen) for seen, _ in outcomes) > 0
    assert sum(path.stat().st_size for path in entries(cache)) <= 150_000 + 40_064
    assert not [path for path in entries(cache) if path.name.startswith(".")]


def test_a_vocabulary_comes_back_from_the_cache(
    cache: DiskCache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    cold = load_vocabulary(sentencepiece_file(), size=32_100, cache=cache)

    def read(*_: object) -> None:
        raise AssertionError("the tokenizer was read again")

    with monkeypatch.context() as patch:
        patch.setattr("ananke.vocabulary.load.read_sentencepiece", read)
        warm = load_vocabulary(sentencepiece_file(), size=32_100, cache=cache)
    assert warm.fingerprint == cold.fingerprint
    assert (warm.size, warm.data, warm.special) == (cold.size, cold.data, cold.special)
    assert (warm.eos, warm.name) == (cold.eos, cold.name)
    assert warm.offsets.tolist() == cold.offsets.tolist()
    assert not warm.offsets.flags.writeable
    assert warm.trie.serialize() == cold.trie.serialize()
    assert load_vocabulary(sentencepiece_file(), cache=cache).size == 32_000
    assert load_vocabulary(sentencepiece_file(), eos=[5], cache=cache).eos == (5,)


def test_a_cache_whose_entry_is_no_vocabulary(
    cache: DiskCache, caplog: pytest.LogCaptureFixture
) -> None:
    cold = load_vocabulary(sentencepiece_file(), cache=cache)
    path = entry(cache)
    header = struct.Struct("=8sIIIIQQ")
    _, _, _, kind_length, key_length, _, _ = header.unpack_from(path.read_bytes())
    names = path.read_bytes()[header.size :]
    key = names[kind_length : kind_length + key_length].decode()
    payload = cache.get("vocabulary", key)
    assert payload is not None
    rng = random.Random(5)
    broken = [b"", b"\xff" * 200, bytes(payload[:5000]), bytes(payload) + b"x"]
    for at in (0, 8, 16, 24, 100, 5000, 128_200, 300_000):
        changed = bytearray(payload)
        changed[at : at + 4] = rng.randbytes(4)
        broken.append(bytes(changed))
    for wrong in broken:
        cache.put("vocabulary", key, wrong)
        caplog.clear()
        again = load_vocabulary(sentencepiece_file(), cache=cache)
        assert "is not a vocabulary; read anew" in caplog.text
        assert again.fingerprint == cold.fingerprint
        assert again.data == cold.data


def test_a_vocabulary_without_a_cache(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    vocabulary = load_vocabulary(sentencepiece_file(), cache=DiskCache(tmp_path / "file"))
    assert vocabulary.size == 32_000
    assert "can't be written" in caplog.text
