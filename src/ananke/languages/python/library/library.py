"""All modules that a Python program may see, as the analysis asks for them.

    library = PythonLibrary(Resolver(target), target, open_index(target, cache))
    library.module("os.path").get("join")          # Callable(...)
    library.resolve("builtins:str").own["join"]    # Member(...)

What a name is, is worked out when it is asked for and remembered. A declaration that needs itself
(modules that import each other, a class that inherits from itself) is unknown where the circle
closes. Safe to use from several threads.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from threading import RLock

from ananke.analysis.declarations import Callable, Class, Declared, Submodule, Value
from ananke.analysis.types import UNKNOWN, Literal, Nominal, join
from ananke.languages.python.library.annotations import NONE, STANDS_FOR, TYPING, Place
from ananke.languages.python.library.classes import declare_class
from ananke.languages.python.library.conditions import Target
from ananke.languages.python.library.functions import declare_function
from ananke.languages.python.library.index import StandardIndex, read_source
from ananke.languages.python.library.linking import Home, Linker, ModuleHome, is_private
from ananke.languages.python.library.outline import (
    DamagedOutlineError,
    ItemKind,
    Outline,
    decode,
    encode,
)
from ananke.languages.python.library.reading import read_module
from ananke.languages.python.library.resolver import Resolver, Source
from ananke.languages.python.library.variables import declare_variable
from ananke.vocabulary.cache import DiskCache

__all__ = ["PythonLibrary", "PythonModule"]

_log = logging.getLogger(__name__)

#: Reading a kept outline is quicker than reading a file of at least so many bytes.
_WORTH_KEEPING = 20_000

_FILE_KIND = "python-module"
_FILE_FORMAT = 1

_STR = Nominal("builtins:str")

#: What every module has.
_IMPLICIT: Mapping[str, Declared] = {
    "__name__": Value(_STR),
    "__doc__": Value(join([_STR, NONE])),
    "__file__": Value(_STR),
    "__package__": Value(join([_STR, NONE])),
    "__qualname__": Value(_STR),
    "__dict__": Value(Nominal("builtins:dict", (_STR, UNKNOWN))),
    "__spec__": Value(UNKNOWN),
    "__loader__": Value(UNKNOWN),
    "__cached__": Value(UNKNOWN),
    "__builtins__": Value(UNKNOWN),
    "__class__": Value(UNKNOWN),
}


class PythonLibrary:
    """The `Library` of one environment.

    Args:
        resolver: finds the files.
        target: version and platform that conditions are decided for.
        index: the standard library's outlines; None: its stubs are read one by one.
        stubs: stub text of modules that the request brings, by name; they come first.
        cache: keeps outlines of large files.
        is_open: modules that are not found may exist.
    """

    def __init__(
        self,
        resolver: Resolver,
        target: Target,
        index: StandardIndex | None = None,
        *,
        stubs: Mapping[str, str] | None = None,
        cache: DiskCache | None = None,
        is_open: bool = False,
    ) -> None:
        self.target = target
        self._resolver, self._index, self._cache = resolver, index, cache
        self._stubs = dict(stubs or {})
        self._is_open = is_open
        self._outlines: dict[str, Outline | None] = {}
        self._modules: dict[str, PythonModule | None] = {}
        self._submodules: dict[str, tuple[str, ...]] = {}
        self._declared: dict[str, Declared] = {}
        #: What symbols were found to be while nothing was being declared.
        self._resolved: dict[str, Declared | None] = {}
        self._under_way: set[str] = set()
        self._lock = RLock()
        self.linker = Linker(self.outline, self.exists)

    @property
    def is_open(self) -> bool:
        return self._is_open

    def module(self, name: str) -> PythonModule | None:
        with self._lock:
            if name not in self._modules:
                self._modules[name] = PythonModule(self, name) if self.exists(name) else None
            return self._modules[name]

    def submodules(self, prefix: str) -> Iterable[str]:
        known = self._submodules.get(prefix)
        if known is None:
            found = self._resolver.submodules(prefix)
            start = f"{prefix}." if prefix else ""
            for name in self._stubs:
                if name.startswith(start):
                    found.add(name[len(start) :].partition(".")[0])
            known = self._submodules[prefix] = tuple(sorted(found))
        return known

    def resolve(self, symbol: str) -> Declared | None:
        if symbol in self._resolved:
            return self._resolved[symbol]
        module, colon, path = symbol.partition(":")
        first, *rest = path.split(".")
        if not colon or not first:
            return None
        with self._lock:
            found = self.linker.find(module, first)
            for name in rest:
                found = found.inner(name) if isinstance(found, Home) else None
            declared = self.declare_found(found)
            if not self._under_way:
                self._resolved[symbol] = declared
            return declared

    def declare_found(self, found: Home | ModuleHome | None) -> Declared | None:
        if isinstance(found, ModuleHome):
            return Submodule(found.name)
        return None if found is None else self.declare(found)

    # What the evaluation of annotations asks for.

    def find(self, module: str, name: str) -> Home | ModuleHome | None:
        return self.linker.find(module, name)

    def declare(self, home: Home) -> Declared:
        """What the declaration at `home` is."""
        symbol = home.symbol
        with self._lock:
            found = self._declared.get(symbol)
            if found is None:
                if symbol in self._under_way:
                    return Value(UNKNOWN)
                self._under_way.add(symbol)
                try:
                    found = self._declare(home)
                except RecursionError:
                    _log.warning("imports: %s is nested too deeply; it is unknown", symbol)
                    found = Value(UNKNOWN)
                except DamagedOutlineError as error:
                    _log.warning("imports: %s can't be read (%s); it is unknown", symbol, error)
                    found = Value(UNKNOWN)
                finally:
                    self._under_way.discard(symbol)
                self._declared[symbol] = found
            return found

    def _declare(self, home: Home) -> Declared:
        special = self._typing_form(home)
        if special is not None:
            return special
        kinds = {item.kind for item in home.items}
        outer = self._enclosing(home)
        place = Place(self, home.module, home.symbol, outer)
        if kinds == {ItemKind.CLASS} and len(home.items) == 1:
            outline = self.outline(home.module)
            return declare_class(home, outer, self, outline is not None and outline.is_stub)
        if outer is not None and kinds & {ItemKind.FUNCTION, ItemKind.VARIABLE}:
            # A class's member as its class tells it.
            above = self.declare(outer)
            return above.own[home.path[-1]].declared if isinstance(above, Class) else Value(UNKNOWN)
        if kinds == {ItemKind.FUNCTION}:
            return declare_function(home, place)
        if kinds and kinds <= {ItemKind.VARIABLE, ItemKind.ALIAS}:
            declared = declare_variable(home, place)
            is_dotted = any("." in item.text.partition("=")[2] for item in home.items)
            # A method of a class is bound to it, or not.
            return Value(UNKNOWN) if isinstance(declared, Callable) and is_dotted else declared
        return Value(UNKNOWN)

    def _typing_form(self, home: Home) -> Declared | None:
        """A special form of `typing` as a value that tells which one it is; `List` and its like
        are the classes that they stand for."""
        if home.module not in TYPING or len(home.path) != 1:
            return None
        name = home.path[0]
        if name in STANDS_FOR:
            return self.resolve(STANDS_FOR[name])
        if home.items and home.items[0].text == f"{name}: _SpecialForm":
            form = Literal(name, _STR.symbol)
            return Value(Nominal("typing:_SpecialForm", (form,)), is_final=True)
        return None

    def _enclosing(self, home: Home) -> Home | None:
        if len(home.path) == 1:
            return None
        found = self.linker.find(home.module, home.path[0])
        for name in home.path[1:-1]:
            found = found.inner(name) if isinstance(found, Home) else None
        return found if isinstance(found, Home) else None

    # Files.

    def exists(self, name: str) -> bool:
        if self._resolver.find(name) is not None or name in self._stubs:
            return True
        return any(stub.startswith(f"{name}.") for stub in self._stubs)

    def outline(self, name: str) -> Outline | None:
        """The outline of the module; None if there is no such module."""
        with self._lock:
            if name not in self._outlines:
                self._outlines[name] = self._read(name)
            return self._outlines[name]

    def source(self, name: str) -> Source | None:
        """The file of the module, if it has one."""
        return self._resolver.find(name)

    def is_package(self, name: str) -> bool:
        source = self._resolver.find(name)
        if source is not None and source.is_package:
            return True
        return any(stub.startswith(f"{name}.") for stub in self._stubs)

    def _read(self, name: str) -> Outline | None:
        given = self._stubs.get(name)
        if given is not None:
            is_package = self.is_package(name)
            return read_module(
                given.encode(), name, self.target, is_stub=True, is_package=is_package
            )
        source = self._resolver.find(name)
        if source is None:
            return Outline() if self.exists(name) else None
        if source.is_standard and self._index is not None:
            try:
                found = self._index.outline(name)
            except DamagedOutlineError as error:
                _log.warning("imports: the index of %s is damaged (%s)", name, error)
                found = None
            if found is not None:
                return found
        return self._read_file(source)

    def _read_file(self, source: Source) -> Outline:
        cache, path = self._cache, source.path
        if cache is None or path is None or source.is_opaque:
            return read_source(source, self.target)
        try:
            status = path.stat()
        except OSError:
            return read_source(source, self.target)
        if status.st_size < _WORTH_KEEPING:
            return read_source(source, self.target)
        stamp = f"{status.st_size} {status.st_mtime_ns}"
        target = self.target
        key = f"{_FILE_FORMAT}\0{path}\0{source.name}\0{stamp}\0{target.version}\0{target.platform}"
        kept = cache.get(_FILE_KIND, key)
        if kept is not None:
            try:
                return decode(kept)
            except DamagedOutlineError as error:
                _log.warning("imports: the kept outline of %s is of no use (%s)", path, error)
        outline = read_source(source, target)
        cache.put(_FILE_KIND, key, encode(outline))
        return outline


class PythonModule:
    """One module's exports."""

    __slots__ = ("_library", "_name", "_names", "_outline")

    def __init__(self, library: PythonLibrary, name: str) -> None:
        self._library, self._name = library, name
        self._outline = library.outline(name) or Outline(is_open=True)
        self._names: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_package(self) -> bool:
        return self._library.is_package(self._name)

    @property
    def is_open(self) -> bool:
        if self._outline.is_open or "__getattr__" in self._outline.names:
            return True
        return self._library.linker.is_star_open(self._name)

    def names(self) -> Iterable[str]:
        if self._names is None:
            self._names = self._all_names()
        return self._names

    def _all_names(self) -> tuple[str, ...]:
        listed = set(self._library.linker.star_names(self._name))
        outline = self._outline
        own = {name for name, items in outline.names.items() if not is_private(items)}
        for star in outline.stars:
            own |= set(self._library.linker.star_names(star))
        found = own | listed | set(self._library.submodules(self._name)) | set(_IMPLICIT)
        return tuple(sorted(found))

    def star_names(self) -> Iterable[str]:
        return self._library.linker.star_names(self._name)

    def get(self, name: str) -> Declared | None:
        library = self._library
        with library._lock:
            items = self._outline.names.get(name, ())
            if items and is_private(items) and name not in self._listed():
                whole = f"{self._name}.{name}"
                return Submodule(whole) if library.exists(whole) else None
            found = library.declare_found(library.linker.find(self._name, name))
            if found is not None:
                return found
            if items and not self._outline.is_stub:
                # Bound by an import whose module isn't there: something, but what?
                return Value(UNKNOWN)
            if name == "__path__":
                return Value(UNKNOWN) if self.is_package else None
            return _IMPLICIT.get(name)

    def _listed(self) -> tuple[str, ...]:
        return () if self._outline.exported is None else tuple(self.star_names())
