"""Where the real code comes from: packages of public registries, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DEBIAN", "ENVIRONMENT", "NPM", "SUFFIXES", "WHEELS", "Package", "languages"]

#: Language -> endings of its files. A `.d.ts` file declares and does nothing: left out.
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "python": (".py",),
    "typescript": (".ts", ".mts", ".cts"),
    "tsx": (".tsx",),
    "rust": (".rs",),
    "go": (".go",),
    "kotlin": (".kt",),
    "swift": (".swift",),
    "zig": (".zig",),
}


@dataclass(frozen=True)
class Package:
    """One package: its name in the registry, its version (none for Debian: the release's), and
    the languages whose files are taken from it."""

    name: str
    version: str
    languages: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The package's folder name in the corpora directory."""
        return self.name.replace("/", "-").lstrip("@")


_TS, _TSX = ("typescript",), ("tsx",)
_MOBILE = ("kotlin", "swift")

NPM: tuple[Package, ...] = (
    Package("rxjs", "7.8.2", _TS),
    Package("effect", "4.1.0", _TS),
    Package("zod", "4.6.7", _TS),
    Package("openai", "7.55.0", _TS),
    Package("ethers", "6.17.0", _TS),
    Package("abitype", "1.3.0", _TS),
    Package("immer", "11.2.10", _TS),
    Package("@reduxjs/toolkit", "2.14.0", _TS),
    Package("@trpc/server", "11.25.2", _TS),
    Package("@tanstack/query-core", "5.108.0", _TS),
    Package("react-native-paper", "5.15.3", _TSX),
    Package("native-base", "3.4.28", _TSX),
    Package("@gorhom/bottom-sheet", "5.2.14", _TSX),
    Package("@react-navigation/elements", "2.9.44", _TSX),
    Package("react-native-screens", "4.28.0", ("tsx", "kotlin")),
    Package("react-native-gesture-handler", "3.5.0", ("tsx", "kotlin")),
    Package("@stripe/stripe-react-native", "0.78.0", ("tsx", "kotlin", "swift")),
    Package("react-native-vision-camera", "5.2.3", _MOBILE),
    Package("react-native-keyboard-controller", "1.22.5", _MOBILE),
    Package("expo-modules-core", "58.0.7", _MOBILE),
    Package("expo-updates", "57.0.24", _MOBILE),
    Package("expo-notifications", "58.0.2", _MOBILE),
    Package("expo-dev-launcher", "57.0.20", _MOBILE),
    Package("expo-dev-menu", "57.0.18", _MOBILE),
    Package("expo-calendar", "57.0.5", _MOBILE),
    Package("expo-audio", "58.0.2", _MOBILE),
    Package("@capacitor/ios", "8.5.2", ("swift",)),
)

_GO, _RUST = ("go",), ("rust",)

DEBIAN: tuple[Package, ...] = (
    Package("golang-1.19-src", "", _GO),
    Package("librust-serde-dev", "", _RUST),
    Package("librust-serde-json-dev", "", _RUST),
    Package("librust-tokio-dev", "", _RUST),
    Package("librust-regex-dev", "", _RUST),
    Package("librust-regex-syntax-dev", "", _RUST),
    Package("librust-clap-dev", "", _RUST),
    Package("librust-hyper-dev", "", _RUST),
    Package("librust-rayon-dev", "", _RUST),
    Package("librust-syn-dev", "", _RUST),
    Package("librust-nom-dev", "", _RUST),
    Package("librust-itertools-dev", "", _RUST),
    Package("librust-rand-dev", "", _RUST),
    Package("librust-anyhow-dev", "", _RUST),
    Package("librust-bytes-dev", "", _RUST),
    Package("librust-hashbrown-dev", "", _RUST),
    Package("librust-futures-util-dev", "", _RUST),
    Package("librust-chrono-dev", "", _RUST),
    Package("librust-indexmap-dev", "", _RUST),
    Package("librust-url-dev", "", _RUST),
)

_PYTHON = ("python",)

#: Beside the standard library of the running interpreter, which is read where it is.
WHEELS: tuple[Package, ...] = (
    Package("attrs", "26.1.0", _PYTHON),
    Package("rich", "15.0.0", _PYTHON),
    Package("click", "8.5.1", _PYTHON),
    Package("httpx", "0.28.1", _PYTHON),
    Package("trio", "0.35.0", _PYTHON),
    Package("anyio", "4.16.0", _PYTHON),
    Package("jinja2", "3.1.6", _PYTHON),
    Package("packaging", "26.3", _PYTHON),
)

#: Packages that are installed whole, (name, version): what programs that import them mean.
ENVIRONMENT: tuple[tuple[str, str], ...] = (
    ("annotated-types", "0.8.0"),
    ("anyio", "4.16.0"),
    ("attrs", "26.1.0"),
    ("blinker", "1.9.0"),
    ("cattrs", "26.2.1"),
    ("certifi", "2026.10.19.post1"),
    ("click", "8.5.1"),
    ("filelock", "4.3.1"),
    ("flask", "3.1.3"),
    ("h11", "0.16.0"),
    ("httpcore", "1.0.9"),
    ("httpx", "0.28.1"),
    ("idna", "3.20"),
    ("iniconfig", "2.3.1"),
    ("itsdangerous", "2.2.0"),
    ("jinja2", "3.1.6"),
    ("markdown-it-py", "4.3.0"),
    ("markupsafe", "3.0.4"),
    ("mdurl", "0.1.2"),
    ("more-itertools", "11.2.1"),
    ("outcome", "1.3.0.post0"),
    ("packaging", "26.3"),
    ("platformdirs", "4.14.8"),
    ("pluggy", "1.7.0"),
    ("pydantic", "2.14.4"),
    ("pydantic-core", "2.50.5"),
    ("pygments", "2.21.0"),
    ("rich", "15.0.0"),
    ("shellingham", "1.5.4"),
    ("sniffio", "1.3.1"),
    ("sortedcontainers", "2.4.0"),
    ("starlette", "1.10.0"),
    ("structlog", "26.1.0"),
    ("tenacity", "9.2.1"),
    ("textual", "8.2.8"),
    ("tomlkit", "0.15.2"),
    ("trio", "0.35.0"),
    ("typer", "0.29.2"),
    ("typing-extensions", "4.16.0"),
    ("typing-inspection", "0.4.5"),
    ("urllib3", "2.8.0"),
    ("uvicorn", "0.54.0"),
    ("websockets", "17.4"),
    ("werkzeug", "3.1.9"),
)


def languages() -> tuple[str, ...]:
    """The languages that have a corpus."""
    return tuple(SUFFIXES)
