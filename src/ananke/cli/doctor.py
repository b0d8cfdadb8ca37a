"""What this installation is made of, and whether it works: the facts behind `ananke doctor`."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import ananke
from ananke import native
from ananke.languages import LANGUAGES, get_language
from ananke.parsing.grammar import GrammarError, load_grammar
from ananke.parsing.language import LanguageError
from ananke.vocabulary.cache import DiskCache

__all__ = ["CacheFacts", "DoctorFacts", "GrammarFacts", "NativeFacts", "gather", "render"]

#: Packages whose version changes what Ananke does; the grammars are listed with their language.
_PACKAGES = ("numpy", "pydantic", "llguidance", "transformers", "torch")


@dataclass(frozen=True)
class NativeFacts:
    """The native core; `problem` says why it can't be used, the rest is then empty."""

    path: str
    abi_version: int | None
    is_safe: bool
    cpu_variant: str | None
    cpu_variants: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True)
class CacheFacts:
    """The disk cache: where, how many bytes its files take, and whether it can be written."""

    directory: str
    bytes_used: int
    is_writable: bool


@dataclass(frozen=True)
class GrammarFacts:
    """A language's grammar wheel; `problem` says why it can't be used, the rest is then empty."""

    language: str
    wheel: str
    state_count: int
    mode_count: int
    problem: str | None


@dataclass(frozen=True)
class DoctorFacts:
    """All that `ananke doctor` prints. `packages` pairs a name with a version, None if absent."""

    version: str
    python: str
    platform: str
    packages: tuple[tuple[str, str | None], ...]
    native: NativeFacts
    cache: CacheFacts
    grammars: tuple[GrammarFacts, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether the native core and each grammar can be used; the cache is a convenience."""
        return self.native.problem is None and all(one.problem is None for one in self.grammars)


def gather() -> DoctorFacts:
    """Loads the native core and every grammar, and looks at the disk cache. Never raises for
    what it finds broken: that is what it reports."""
    core = _native_facts()
    return DoctorFacts(
        version=ananke.__version__,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=f"{sys.platform} {platform.machine()}",
        packages=tuple((name, _version(name)) for name in _PACKAGES),
        native=core,
        cache=_cache_facts(),
        grammars=tuple(_grammar_facts(name, core.problem) for name in LANGUAGES),
    )


def render(facts: DoctorFacts) -> str:
    """The facts as text, one thing a line, problems marked with `!`."""
    lines = [
        f"ananke    {facts.version}",
        f"python    {facts.python} on {facts.platform}",
    ]
    for name, version in facts.packages:
        lines.append(f"package   {name} {version or '(not installed)'}")
    core = facts.native
    lines.append(f"native    {core.path}")
    if core.problem is None:
        checks = ", checks on" if core.is_safe else ""
        lines.append(f"          ABI {core.abi_version}{checks}")
        others = [name for name in core.cpu_variants if name != core.cpu_variant]
        also = f" (also here: {', '.join(others)})" if others else ""
        lines.append(f"cpu       {core.cpu_variant}{also}")
    else:
        lines.append(f"        ! {core.problem}")
    cache = facts.cache
    lines.append(f"cache     {cache.directory}, {cache.bytes_used:,} bytes")
    if not cache.is_writable:
        lines.append("        ! not writable: what is learnt about a tokenizer is lost at exit")
    for one in facts.grammars:
        if one.problem is None:
            sizes = f"{one.state_count:,} states, {one.mode_count} lex modes"
            lines.append(f"grammar   {one.language:<11}{one.wheel}, {sizes}")
        else:
            lines.append(f"grammar   {one.language}")
            lines.append(f"        ! {one.problem}")
    lines.append("all is well" if facts.is_healthy else "something is broken: see the lines with !")
    return "\n".join(lines) + "\n"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _native_facts() -> NativeFacts:
    path = str(native.library_path())
    try:
        lib = native.library()
    except native.NativeError as error:
        return NativeFacts(path, None, False, None, (), str(error))
    return NativeFacts(
        path=path,
        abi_version=int(lib.ananke_abi_version()),
        is_safe=bool(lib.ananke_is_safe()),
        cpu_variant=native.cpu_variant(),
        cpu_variants=native.cpu_variants(),
        problem=None,
    )


def _cache_facts() -> CacheFacts:
    directory = DiskCache().directory
    used = 0
    for path in directory.rglob("*") if directory.is_dir() else ():
        try:
            used += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue  # another process removed it
    return CacheFacts(str(directory), used, _can_write(directory))


def _can_write(directory: Path) -> bool:
    """Whether a file can be made in the folder, which is made if it is missing."""
    probe = directory / ".doctor"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError:
        return False
    return True


def _grammar_facts(name: str, problem: str | None) -> GrammarFacts:
    if problem is not None:
        module = get_language(name).module
        return GrammarFacts(name, module, 0, 0, "the native core can't be used")
    try:
        grammar = load_grammar(name)
    except (GrammarError, LanguageError) as error:
        return GrammarFacts(name, "", 0, 0, str(error))
    return GrammarFacts(name, grammar.wheel, grammar.state_count, grammar.mode_count, None)
