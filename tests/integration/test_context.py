"""`ananke context`: a text under the scope of its line is judged as it is in the whole file."""

from __future__ import annotations

import ast
import json
import random
import sysconfig
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from ananke.analysis.judgement import Surroundings
from ananke.cli.app import main
from ananke.languages import get_checker, get_extractor
from ananke.parsing import load_grammar
from ananke.session import NotAdmitted, Session
from ananke.spec import parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

MODELS = """
class User:
    name: str
    age: int = 0
"""
MAIN = """\
from __future__ import annotations
import json
from pathlib import Path
from typing import Union
from .models import User
try:
    import nothing_there
except ImportError:
    nothing_there = None

Key = Union[int, str]
LIMIT: int = 10


def helper(path: Path, *, limit: int = LIMIT) -> list[User]:
    return json.loads(path.read_text())[:limit]


class Store:
    owner: User | None = None

    def __init__(self, user: User) -> None:
        self.user = user

    async def load(self, names: list[str]) -> int:
        total = 0
        for name in names:
            if self.owner is not None:
                total += self.owner.age
                continue
            total += len(name)
        return total

    def later(self) -> Later:
        return Later(self.user)


class Later(Store):
    pass


def around(n: int) -> int:
    def inside() -> str:
        return str(m + n)

    m = 3
    return len(inside())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("")
    (tmp_path / "app" / "models.py").write_text(MODELS)
    (tmp_path / "app" / "main.py").write_text(MAIN)
    return tmp_path


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    tokens = [*(bytes([byte]) for byte in range(256)), b""]
    return from_tokens(tokens, eos=[256], name="bytes")


def line_of(text: str) -> int:
    return MAIN[: MAIN.index(text)].count("\n") + 1


#: The line that a text stands in front of, and texts.
PLACES = {
    "total += self.owner.age": [
        "total += self.owner.age\n",
        "self.owner.foo\n",
        "break\n",
        "return 'x'\n",
        "return total\n",
        "await helper()\n",
        "name.push()\n",
        "names = 3\n",
        "name = 3\n",
        "self.more = name\n",
        "nothing_there.foo\n",
        "from .models import User as Other\n",
        "from .models import Nothing\n",
        "global k\n",
        "helper(Path(name), limit='x')\n",
        "helper(Path(name))[0].nam\n",
        "x: Key = 3.5\n",
        "json.lods\n",
        "zz\n",
    ],
    "return json.loads": [
        "return [User()]\n",
        "return path\n",
        "await path\n",
        "continue\n",
        "path.read_txt()\n",
        "yield 3\n",
        "for x in helper(path):\n    x.nam\n",
    ],
    "return str(m + n)": ["return str(m + n)\n", "return n\n", "return k\n", "m.foo\n"],
    "class Later": ["class More(Store):\n    x = LIMIT.foo\n", "return 1\n", "Store.foo\n"],
}


@pytest.mark.parametrize(
    ("line", "text"), [(line, text) for line, texts in PLACES.items() for text in texts]
)
def test_as_in_the_whole_file(
    project: Path,
    vocabulary: Vocabulary,
    capsys: pytest.CaptureFixture[str],
    line: str,
    text: str,
) -> None:
    number = line_of(line)
    assert main(["context", f"{project}/app/main.py:{number}", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    lines = MAIN.splitlines(keepends=True)
    margin = lines[number - 1][: len(lines[number - 1]) - len(lines[number - 1].lstrip())]
    around = {key: document[key] for key in ("language", "domains", "imports")}
    context = {
        "path": document["context"]["path"],
        "prefix": "".join(lines[: number - 1]) + margin,
        "suffix": "".join(lines[number - 1 :])[len(margin) :],
    }
    whole = Session(parse_spec(around | {"context": context}), vocabulary)
    alone = Session(parse_spec(document), vocabulary)
    indented = text.replace("\n    ", f"\n{margin}    ") + margin
    assert verdict(alone, text) == verdict(whole, indented)


def verdict(session: Session, text: str) -> str | None:
    """The domain that refuses a text, at the latest where it ends; None: none does."""
    try:
        session.accept_text(text.encode())
    except NotAdmitted as refused:
        return str(refused).partition(":")[0]
    explained = session.explain(session.vocabulary.eos[0])
    return None if explained.admitted else explained.reason.partition(":")[0]


@pytest.mark.parametrize("text", ["self.user.age.push()\n", "Later(3)\n"])
def test_what_comes_later_in_the_file_is_known(
    project: Path, vocabulary: Vocabulary, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """The rest of the class and of the module, which a text in its place may still change."""
    number = line_of("total += self.owner.age")
    assert main(["context", f"{project}/app/main.py:{number}", "--json"]) == 0
    spec = parse_spec(capsys.readouterr().out)
    assert verdict(Session(spec, vocabulary), text) == "types"


@pytest.mark.parametrize("name", ["json/decoder.py", "textwrap.py", "shutil.py", "dataclasses.py"])
def test_blocks_of_real_files_stand_alone(name: str) -> None:
    """What the whole file holds no defect of is none alone; files of the standard library."""
    extract, checker = get_extractor("python"), get_checker("python")
    assert extract is not None
    assert checker is not None
    source = (Path(sysconfig.get_path("stdlib")) / name).read_bytes()
    lines = source.decode().splitlines(keepends=True)
    grammar, surroundings = load_grammar("python"), Surroundings()
    whole = grammar.parse(source)
    assert whole is not None
    known = {one.message for one in checker(whole, surroundings)}
    tried = 0
    for first, last in random.Random(name).sample(blocks(source), 6):
        text = textwrap.dedent("".join(lines[first - 1 : last]))
        state = grammar.parse(text.encode())
        if state is None:
            continue
        tried += 1
        given = extract(surroundings, source, first)
        defects = checker(state, replace(surroundings, given=given))
        assert [one.message for one in defects if one.message not in known] == [], (first, text)
    assert tried >= 3


def blocks(source: bytes) -> list[tuple[int, int]]:
    """(first line, last line) of the blocks in functions."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                body = getattr(node, "body", None)
                if isinstance(node, ast.stmt) and isinstance(body, list):
                    first, last = body[0], body[-1]
                    if first.lineno > node.lineno and not hasattr(first, "decorator_list"):
                        found.append((first.lineno, last.end_lineno))
    return found
