"""What a program can check of the sources: order of imports, I/O, names, lengths, forbidden things.

Each rule names the file and the line, and says what to do instead.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ananke.languages import LANGUAGES

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "ananke"

#: Stage -> the stages that it may import; docs/architecture.md draws it. The first five give the
#: order; `spec` and `outcome` are leaves, `languages` is reached through its registry only.
STAGES: dict[str, frozenset[str]] = {}


def _stage(name: str, *may_import: str) -> None:
    STAGES[name] = frozenset(may_import)


_stage("native")
_stage("spec")
_stage("outcome")
_stage("vocabulary", "native")
_stage("masks", "native")
_stage("languages", "parsing", "analysis", "vocabulary")
_stage("parsing", "native", "vocabulary", "languages")
_stage("analysis", "native", "vocabulary", "masks", "parsing", "languages")
_stage("domains", *STAGES["analysis"], "analysis", "spec", "outcome")
_stage("propagation", *STAGES["domains"], "domains")
_stage("holes", *STAGES["propagation"], "propagation")
_stage("session", *STAGES["holes"], "holes")
_stage("adapters", *STAGES["session"], "session")
_stage("client", *STAGES["session"], "session")
_stage("cli", *STAGES["adapters"], "adapters")

#: Files below `adapters` and `cli` that touch the file system or start a program, and why.
MAY_DO_IO = {
    "languages/python/library/environment.py": "lists the packages of the environment it is given",
    "languages/python/library/resolver.py": "reads stubs, packages and the project's own files",
    "native/build.py": "compiles the native core, when the package is built",
    "parsing/grammar.py": "hashes the grammar's library: the key of what is cached about it",
    "vocabulary/cache.py": "is the disk cache",
    "vocabulary/contents.py": "reads the tokenizer files that the caller names",
    "vocabulary/load.py": "lists the tokenizer files of the directory that the caller names",
}

#: Files outside `languages` that hold a language's name in their code, and why. The command line
#: may: it has defaults and examples, and calls compilers.
MAY_NAME_LANGUAGES = {"native/build.py": "Zig is what the native core is written in"}

#: The one module that may catch what nobody foresaw, and why.
MAY_CATCH_ALL = {"adapters/boundary.py": "keeps a fault in one request from an engine's loop"}

#: A file may have this many lines.
LINES = 800
#: Those that have more, and why.
LONG_FILES = {
    "languages/python/meaning/expressions.py": "one rule for each kind of expression",
    "languages/python/meaning/statements.py": "one rule for each kind of statement",
    "native/lexing.zig": "the two phases of a configuration share its transitions and interning",
    "native/linear.zig": "one walk down the stack answers all of its questions",
}

_IO_CALLS = {"open", "fdopen", "popen", "system", "mkdir", "makedirs", "unlink", "rmdir", "rmtree"}
_IO_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "glob", "touch"}
_IO_MODULES = {"socket", "subprocess", "urllib", "http", "requests", "httpx", "tempfile", "shutil"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
_FORBIDDEN_NAMES = re.compile(
    r"(^|_)(utils?|helpers?|managers?|common|misc|v\d+|enhanced|improved|new|old)(_|$)"
)
# In pieces, so that this file does not hold what it forbids.
_MACHINE_PATHS = re.compile("|".join(["/tmp/" + "scratch", "/wo" + "rk/", r"/ro" + r"ot/\w"]))


@dataclass(frozen=True)
class Module:
    """A Python file of the package; `name` is its path below it."""

    name: str
    tree: ast.Module

    @property
    def stage(self) -> str:
        return self.name.removesuffix(".py").split("/")[0]

    @property
    def dotted(self) -> str:
        parts = ["ananke", *self.name.removesuffix(".py").split("/")]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> tuple[Module, ...]:
    return tuple(
        Module(path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text()))
        for path in sorted(SOURCE.rglob("*.py"))
    )


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the repository; without git, those of the folders that hold its sources."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return tuple(path for name in names if (path := ROOT / name).is_file())
    folders = ("src", "tests", "evals", "benchmarks", "scripts", "docs")
    return tuple(
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix in {".py", ".zig", ".md", ".json", ".txt"}
    )


def imports(module: Module) -> Iterator[tuple[int, str, str | None]]:
    """(line, module, name or None) for each import of the package's own modules."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}:{node.lineno}: write the import in full"
            for alias in node.names:
                yield node.lineno, node.module or "", alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, None


def own_imports(module: Module) -> Iterator[tuple[int, str, str]]:
    """(line, module, name) for each import of the package's own modules."""
    for line, source, name in imports(module):
        if source.split(".")[0] != "ananke":
            continue
        if source == "ananke" and name in STAGES:
            yield line, f"ananke.{name}", "*"
        else:
            yield line, source, name or "*"


def exported(module: Module) -> frozenset[str]:
    """The names in a module's `__all__`; if it has none, what it defines for others to see."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(node.value))
    return frozenset(name for name in defined(module) if not name.startswith("_"))


def defined(module: Module) -> set[str]:
    """The names of a module's own functions, classes and values."""
    return {
        *(node.name for node in module.tree.body if isinstance(node, _DEFINITIONS)),
        *(
            name.id
            for node in module.tree.body
            if not isinstance(node, _DEFINITIONS)
            for name in ast.walk(node)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        ),
    }


each_module = pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)


@each_module
def test_imports_point_one_way(module: Module) -> None:
    if module.stage in ("__init__", "__main__"):
        return
    assert module.stage in STAGES, f"{module.name}: which stages may it import? add it to STAGES"
    for line, source, name in own_imports(module):
        if (source, name) == ("ananke", "__version__"):
            continue
        stage = [*source.split("."), "session"][1]
        if stage == module.stage:
            continue
        assert stage in STAGES[module.stage], (
            f"{module.name}:{line}: {module.stage} must not import {stage}"
        )


@each_module
def test_languages_are_reached_through_the_registry(module: Module) -> None:
    for line, source, name in own_imports(module):
        where = f"{module.name}:{line}"
        if module.stage == "languages":
            folder = ".".join(module.dotted.split(".")[:3])
            assert source.startswith(("ananke.analysis.", folder)) or source in (
                "ananke.parsing.language",
                "ananke.parsing.opening",
                "ananke.parsing.grammar",
                "ananke.parsing.node",
                "ananke.parsing.state",
                "ananke.vocabulary.cache",
            ), f"{where}: a language imports what its table is made of, and its own folder"
        else:
            path = f"{source}.{name}"
            assert not path.startswith(tuple(f"ananke.languages.{it}" for it in LANGUAGES)), (
                f"{where}: ask the registry, ananke.languages.get_language"
            )


@each_module
def test_no_io_below_adapters_and_cli(module: Module) -> None:
    if module.stage in ("adapters", "cli"):
        return
    found = sorted(set(_io_of(module)))
    if module.name in MAY_DO_IO:
        assert found, f"{module.name} does no I/O any more: take it out of MAY_DO_IO"
        return
    assert not found, f"{module.name}: I/O belongs to adapters and cli: {found}"


def _io_of(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id == "open":
                yield node.lineno, "open"
            if isinstance(called, ast.Attribute):
                of_system = isinstance(called.value, ast.Name) and called.value.id == "os"
                if called.attr in _IO_METHODS or (of_system and called.attr in _IO_CALLS):
                    yield node.lineno, called.attr
    for line, source, _ in imports(module):
        if source.split(".")[0] in _IO_MODULES:
            yield line, source


@each_module
def test_no_language_is_named_outside_its_folder(module: Module) -> None:
    if module.stage in ("languages", "cli"):
        return
    found = sorted(set(_languages_named_in(module)))
    if module.name in MAY_NAME_LANGUAGES:
        assert found, f"{module.name} names no language: take it out of MAY_NAME_LANGUAGES"
        return
    assert not found, f"{module.name}: what is true of one language is a row of its table: {found}"


def _languages_named_in(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and node.value in LANGUAGES:
            yield node.lineno, str(node.value)
        for attribute in ("id", "name", "arg", "attr"):
            word = getattr(node, attribute, None)
            # "go" and "swift" are words of their own in names; as a value they are not.
            if isinstance(word, str) and {*word.lower().split("_")} & {*LANGUAGES} - {"go"}:
                yield getattr(node, "lineno", 0), word


@pytest.mark.parametrize(
    "path", sorted((SOURCE / "native").glob("*.zig")), ids=lambda path: path.name
)
def test_the_native_core_names_no_language(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        code = line.partition("//")[0]
        found = re.findall(f'"({"|".join(LANGUAGES)})"', code)
        assert not found, (
            f"{path.name}:{number}: what is true of one language is a row of its table"
        )


@each_module
def test_modules_say_what_they_are(module: Module) -> None:
    docstring = ast.get_docstring(module.tree)
    assert docstring, f"{module.name}: a module begins with a docstring"
    assert docstring.splitlines()[0].endswith((".", ":", "?")) or "\n" in docstring, module.name


@each_module
def test_exported_names_exist(module: Module) -> None:
    known = defined(module) | {name for _, _, name in imports(module) if name}
    missing = exported(module) - known
    assert not missing, f"{module.name}: __all__ names what is not there: {sorted(missing)}"
    if module.name.endswith("/__init__.py") and any(own_imports(module)):
        names = [node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)]
        assert "__all__" in names, f"{module.name}: a package that gathers names has an __all__"


@each_module
def test_stages_export_what_others_take(module: Module) -> None:
    """Between stages only names of an `__all__` pass."""
    known = {other.dotted: other for other in modules()}
    for line, source, name in own_imports(module):
        crosses = source.split(".")[1:2] != module.dotted.split(".")[1:2]
        if crosses and name not in ("*", "__version__") and f"{source}.{name}" not in known:
            names = exported(known[source])
            assert name in names, f"{module.name}:{line}: {source} does not export {name}"


@each_module
def test_nothing_dangerous(module: Module) -> None:
    for node in ast.walk(module.tree):
        where = f"{module.name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ExceptHandler):
            caught = {name.id for name in ast.walk(node.type or node) if isinstance(name, ast.Name)}
            broad = node.type is None or caught & {"Exception", "BaseException"}
            last = node.body[-1]
            passed_on = isinstance(last, ast.Raise) and last.exc is None
            assert not broad or passed_on or module.name in MAY_CATCH_ALL, (
                f"{where}: catch what you know how to answer"
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}, f"{where}: no {node.func.id}"
    for line, source, _ in imports(module):
        assert source.split(".")[0] not in _FORBIDDEN_MODULES, f"{module.name}:{line}: no {source}"


def test_nothing_long() -> None:
    long = {
        path.relative_to(SOURCE).as_posix(): lines
        for path in [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.zig")]
        if (lines := path.read_text().count("\n")) > LINES
    }
    unexplained = {name: lines for name, lines in long.items() if name not in LONG_FILES}
    assert not unexplained, f"longer than {LINES} lines: {unexplained}: split by question"
    assert not LONG_FILES.keys() - long.keys(), "LONG_FILES names files that are short"


def test_names_of_modules_say_something() -> None:
    for path in tracked():
        if path.suffix in {".py", ".zig"}:
            name = path.relative_to(ROOT).with_suffix("").as_posix()
            for part in name.split("/"):
                assert not _FORBIDDEN_NAMES.search(part), f"{name}: name it after what it holds"


def test_no_machine_is_named() -> None:
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        found = _MACHINE_PATHS.search(text)
        assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]!r} is on one machine"
