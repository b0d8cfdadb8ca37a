"""The commands as a user runs them: output, exit codes, one line for each bad input."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ananke import __version__
from ananke.cli import app as application
from ananke.cli import main, writing
from ananke.cli.judges import judge
from ananke.cli.ngram import Model, train
from ananke.cli.writing import Written
from ananke.languages import LANGUAGES
from ananke.spec.schema import published_schema

#: Python that begins a file viably whatever is cut off, and Zig, to learn a little of both.
TEXTS = [
    "def f(x):\n    return x + 1\n\nclass A:\n    def g(self):\n        return [1, 2]\n",
    'const std = @import("std");\nfn f(a: u32) u32 {\n    return a + 1;\n}\n',
] * 8


@pytest.fixture(scope="module")
def model() -> Model:
    return train(TEXTS, 300)


@pytest.fixture(autouse=True)
def _small_model(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "_embedded", lambda _: model)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_version_and_help(run: Run) -> None:
    assert run("--version") == (0, f"ananke {__version__}\n", "")
    code, out, _ = run("--help")
    assert code == 0
    for command in ("generate", "demo", "check", "complete", "trace", "bench", "doctor", "spec"):
        assert re.search(rf"^  {command} ", out, re.M)
    assert "Exit codes" in out
    assert run()[1] == out


def test_the_schema_is_the_published_one(run: Run) -> None:
    assert run("spec", "schema") == (0, published_schema(), "")


# check


def test_check_tells_complete_unfinished_and_wrong(run: Run, tmp_path: Path) -> None:
    good = write(tmp_path, "good.py", "x = 1\n")
    part = write(tmp_path, "part.py", "def f(")
    assert run("check", good) == (0, f"{good}: complete python\n", "")
    code, out, _ = run("check", good, part)
    assert code == 1
    assert f"{part}: unfinished python; expected" in out
    assert run("check", "--partial", good, part)[0] == 0


def test_check_shows_the_place_with_a_caret(run: Run, tmp_path: Path) -> None:
    bad = write(tmp_path, "bad.zig", 'const a = "é";\n\tconst b = "ü" ++ ;\n')
    code, out, _ = run("check", bad)
    assert code == 1
    first, source, caret, expected = out.splitlines()
    assert first.startswith(f"{bad}:2:19: ")
    assert source[caret.index("^")] == ";"
    assert "identifier" in expected
    assert run("check", "--partial", bad)[0] == 1


def test_check_json(run: Run, tmp_path: Path) -> None:
    bad = write(tmp_path, "bad.py", "x = = 1\n")
    code, out, err = run("check", "--json", bad)
    assert (code, err) == (1, "")
    [found] = json.loads(out)
    assert (found["verdict"], found["line"], found["column"]) == ("wrong", 1, 5)
    assert "identifier" in found["expected"]


def test_check_tells_what_a_program_means(run: Run, tmp_path: Path) -> None:
    bad = write(tmp_path, "bad.py", "def f():\n    return later\nbreak\n")
    assert run("check", "--no-meaning", bad) == (0, f"{bad}: complete python\n", "")
    code, out, _ = run("check", bad)
    assert code == 1
    assert f"{bad}:2:12: types: `later` is not defined" in out
    assert f"{bad}:3:1: controlflow: `break` outside a loop" in out
    good = write(tmp_path, "good.py", "def f():\n    return later\nlater = 1\n")
    assert run("check", good) == (0, f"{good}: complete python\n", "")


def test_check_tells_all_that_is_wrong_before_a_text_breaks_off(run: Run, tmp_path: Path) -> None:
    text = "import nothing_there\nfrom json import lods\n'a'.push()\nbreak\n"
    environment = tmp_path / "site-packages"
    environment.mkdir()
    for end, last in (("f(", None), ("x = = 1\n", "5:5: no python program goes on like this")):
        path = write(tmp_path, "a.py", text + end)
        code, out, _ = run("check", "--environment", environment, path)
        assert code == 1
        found = [line for line in out.splitlines() if line.startswith(str(path))]
        assert [line.removeprefix(f"{path}:").partition(" (admitted")[0] for line in found] == [
            "1:8: imports: there is no module `nothing_there`",
            "2:18: imports: `json` does not export `lods`",
            "3:5: types: `str` has no attribute `push`",
            "4:1: controlflow: `break` outside a loop",
            *([last] if last else []),
        ]


def test_a_policy_binds_the_commands(run: Run, tmp_path: Path) -> None:
    policy = write(tmp_path, "policy.json", '{"language": "python", "imports": {"deny": ["os"]}}')
    good = write(tmp_path, "good.py", "import json\nx = undefined_name\n")
    bad = write(tmp_path, "bad.py", "import json\nimport os.path\n")
    unnamed = write(tmp_path, "unnamed", "import json\n")
    assert run("check", "--no-meaning", "--policy", policy, good, unnamed)[0] == 0
    assert run("check", "--policy", policy, good)[0] == 1
    code, out, _ = run("check", "--policy", policy, bad)
    assert code == 1
    assert out.startswith(f"{bad}:2:8: imports: ")
    code, out, _ = run("complete", "--policy", policy, f"{unnamed}:1:1")
    assert code == 0
    assert "import" in out
    request = write(tmp_path, "request.json", '{"imports": {"allow": ["json", "os"]}}')
    code, out, err = run("generate", "--policy", policy, "--spec", request)
    assert (code, out) == (2, "")
    assert f"{policy} imports.deny[0] × {request} imports.allow[1]: 'os' is allowed and" in err
    zig = write(tmp_path, "a.zig", "const a = 1;\n")
    for command in (["check", zig], ["complete", f"{zig}:1:1"], ["trace", zig]):
        code, out, err = run(*command, "--policy", policy)
        assert (code, out) == (2, "")
        assert f"{policy} language × {zig}: language: 'python' and 'zig' differ" in err


def test_generation_and_traces_follow_a_policy(run: Run, tmp_path: Path) -> None:
    letters = {"language": "zig", "grammar": {"kind": "regex", "source": "const a =[0-9]{1,3};"}}
    policy = write(tmp_path, "policy.json", json.dumps(letters))
    code, out, _ = run("generate", "--policy", policy, "--json", "--max-tokens", "60")
    assert code == 0
    assert re.fullmatch(r"const a =[0-9]{1,3};", json.loads(out)["text"])
    good = write(tmp_path, "a.zig", "const a = 1;")
    code, out, _ = run("trace", good, "--policy", policy)
    assert code == 1
    assert "token" in out
    fits = write(tmp_path, "b.zig", "const a =1;")
    assert run("trace", fits, "--policy", policy)[0] == 0


def test_check_tells_why_if_asked(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "a.py", "def f(n: int):\n    a = n\n    return a + 'x'\n")
    code, out, _ = run("check", "--why", file)
    assert code == 1
    assert out.splitlines()[3:] == [
        "    because `a` is `int` (line 2: `a = n`)",
        "    because `n` is `int` (line 1: `def f(n: int):`)",
    ]
    assert "because" not in run("check", file)[1]


def test_context_tells_the_scope_of_a_line(run: Run, tmp_path: Path) -> None:
    text = "import os\n\nasync def f(n: int) -> str:\n    while n:\n        pass\n    return ''\n"
    path = write(tmp_path, "a.py", text)
    code, out, err = run("context", f"{path}:5")
    assert (code, err) == (0, "")
    first, *rest = out.splitlines()
    assert first == f"{path}:5: in async f, returns str, in 1 loop"
    assert [one.strip() for one in rest] == [
        "import os",
        "async def f(n: int) -> str",
        "n: int",
    ]
    code, out, _ = run("context", f"{path}:5", "--json")
    spec = write(tmp_path, "spec.json", out)
    assert run("generate", "--spec", spec, "--max-tokens", "1")[0] in (0, 1)
    for place, problem in (
        (f"{path}:9", f"{path}:9: the file has 6 lines; choose one of them"),
        (f"{path}", f"{path}: no place; write FILE:LINE, lines from 1"),
    ):
        code, out, err = run("context", place)
        assert (code, out) == (2, "")
        assert err == f"ananke: {problem}\n"


def test_holes_are_listed(run: Run, tmp_path: Path) -> None:
    text = "def f(name: str, n: int) -> int:\n    x = 1\n    return ...\n"
    file = write(tmp_path, "a.py", text)
    code, out, _ = run("holes", file)
    assert code == 0
    assert out == (
        f"{file}:3:12: hole 1: expression, expects int, in f\n"
        "    in scope: n: int, x: Literal[1], name: str, f: (name: str, n: int) -> int\n"
    )
    code, out, _ = run("holes", file, "--json")
    (hole,) = json.loads(out)
    assert (hole["line"], hole["column"], hole["kind"], hole["type"]) == (
        3,
        12,
        "expression",
        "int",
    )
    assert hole["names"]["name"] == "str"
    zig = write(tmp_path, "a.zig", "const a = 1;")
    assert run("holes", zig)[0] == 2
    assert run("holes", write(tmp_path, "b.py", "x = 1\n"))[1].endswith("no holes\n")
    ranges = write(tmp_path, "r.json", json.dumps({"holes": [{"start": 0, "end": 3}]}))
    assert "no program" in run("holes", file, "--holes", ranges)[2]


def test_holes_are_filled(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "x = 1\nif x == ...:\n    y = [x, ...]\n    print(y)\n"
    file = write(tmp_path, "a.py", text)
    given = [b"nowhere", b"2", b"x"]

    def scripted(_: Model, prompt: str, *rest: Any, **more: Any) -> Written:
        text = given[len(asked) % len(given)]
        asked.append(prompt)
        return Written(text, b"", 1, is_finished=True)

    asked: list[str] = []
    monkeypatch.setattr(writing, "write", scripted)
    out_file = tmp_path / "b.py"
    code, out, err = run("fill", file, "--json", "-o", out_file)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["complete"]
    assert found["text"] == text.replace("== ...", "== 2").replace("...", "x")
    assert out_file.read_text() == found["text"]
    assert [one["hole"] for one in found["attempts"]] == [1, 1, 2]
    assert found["attempts"][0]["outcome"].startswith("types: `nowhere` is not defined")
    assert asked[-1].endswith("if x == 2:\n    y = [x, ")
    assert run("fill", file, "--hole", 3)[0] == 2
    asked.clear()
    code, out, err = run("fill", file, "--hole", 1, "--attempts", 1)
    assert code == 1
    assert out == text
    assert "not filled: 1; the last: types: `nowhere` is not defined" in err


def test_a_model_fills_holes(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "a.py", "x = 1\nif x:\n    ...\nx = 2\n")
    code, out, _ = run("fill", file, "--attempts", 30, "--json")
    found = json.loads(out)
    assert found["complete"] == (code == 0)
    assert len(found["attempts"]) <= 30
    ast.parse(found["text"])


@pytest.mark.parametrize("width", [90, 5000])
def test_a_long_line_is_cut_around_the_caret(run: Run, tmp_path: Path, width: int) -> None:
    bad = write(tmp_path, "bad.py", f"x = {'1+' * width}) # {'y' * width}\n")
    _, out, _ = run("check", bad)
    _, source, caret, _ = out.splitlines()
    assert source[caret.index("^")] == ")"
    assert len(source) < 120


@pytest.mark.parametrize("language", LANGUAGES)
def test_standard_input_in_every_language(run: Run, language: str, tmp_path: Path) -> None:
    empty = write(tmp_path, "empty", "")
    assert run("check", "--language", language, empty)[1].startswith(str(empty))


# complete


def test_complete_groups_what_may_come(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", "def f():\n    return x \n")
    code, out, _ = run("complete", "--json", f"{path}:2:14")
    groups = json.loads(out)
    assert code == 0
    assert {"and", "if", "not"} <= set(groups["keywords"])
    assert {"+", "=="} <= set(groups["operators"])
    assert {"(", "."} <= set(groups["punctuation"])
    assert "return" not in groups["keywords"]
    assert groups["end"]
    code, out, _ = run("complete", f"{path}:1:3")
    assert code == 0
    assert re.search(r"^keywords +def del$", out, re.M)
    assert "operators" not in out


def test_complete_lists_members_and_names_with_their_types(run: Run, tmp_path: Path) -> None:
    text = "class A:\n    def f(self, n: int) -> str: ...\n    k = 1\ndef g(a: A):\n    return a.\n"
    path = write(tmp_path, "a.py", text)
    code, out, _ = run("complete", f"{path}:5:14")
    assert code == 0
    assert out.splitlines()[:2] == [
        "members             f: (n: int) -> str",
        "                    k: int",
    ]
    names = json.loads(run("complete", "--json", f"{path}:5:12")[1])["names"]
    assert {"name": "a", "type": "A"} in names
    assert {"name": "g", "type": "(a: A) -> unknown"} in names
    modules = write(tmp_path, "b.py", "from json import de")
    exports = json.loads(run("complete", "--json", f"{modules}:1:20")[1])["exports"]
    assert {"name": "decoder", "type": "module json.decoder"} in exports
    zig = write(tmp_path, "a.zig", "const a = ")
    assert "names" not in json.loads(run("complete", "--json", f"{zig}:1:11")[1])


# trace and bench


def test_trace_goes_through_the_file(run: Run, tmp_path: Path, model: Model) -> None:
    path = write(tmp_path, "a.py", TEXTS[0])
    code, out, _ = run("trace", "--json", path)
    facts = json.loads(out)
    assert code == 0
    assert "".join(row["text"] for row in facts["tokens"]) == TEXTS[0]
    assert all(0 < row["admitted"] <= 1 for row in facts["tokens"])
    assert facts["vocabulary"] == model.vocabulary.size
    assert facts["mask"]["count"] == len(facts["tokens"])
    assert facts["mask"]["p50_us"] <= facts["mask"]["p99_us"] <= facts["mask"]["max_us"]
    code, out, _ = run("trace", "--limit", "3", path)
    assert code == 0
    assert "3 tokens of a vocabulary of 300" in out


def test_trace_shows_forced_text_and_the_refused_token(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "a.zig", "const a = @import(x) ;;")
    code, out, _ = run("trace", "--json", path)
    facts = json.loads(out)
    assert code == 1
    assert "no zig program" in facts["refused"]
    code, out, _ = run("trace", path)
    assert code == 1
    assert "is not admitted" in out


def test_bench_times_a_file_twice(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", TEXTS[0])
    code, out, _ = run("bench", "--json", path)
    facts = json.loads(out)
    assert code == 0
    for each in (facts["first"], facts["again"]):
        for figures in each.values():
            assert 0 < figures["p50_us"] <= figures["max_us"]
    code, out, _ = run("bench", "--limit", "10", path)
    assert code == 0
    assert "again pass" in out


# generate


def test_equal_seeds_give_equal_texts(run: Run) -> None:
    arguments = ("generate", "--prompt", "x = 1\n", "--temperature", "2", "--max-tokens", "6")
    texts = [run(*arguments, "--seed", str(seed))[1] for seed in (3, 3, 4, 5)]
    assert all(text.startswith("x = 1\n") for text in texts)
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_a_text_that_is_finished_is_a_program(run: Run, tmp_path: Path) -> None:
    finished = 0
    for temperature, seed in (("0", 0), ("0.7", 0), ("0.7", 1), ("3", 0), ("3", 1)):
        code, out, err = run(
            *("generate", "--prompt", "x = (", "--temperature", temperature),
            *("--max-tokens", "12", "--seed", str(seed), "--json"),
        )
        written = json.loads(out)
        assert code == (0 if written["finished"] else 1)
        assert err.startswith("ananke: the text could not be finished") == (code == 1)
        assert written["tokens"] <= 12
        if written["finished"]:
            finished += 1
            path = write(tmp_path, "a.py", written["prompt"] + written["text"])
            assert run("check", "--no-meaning", path)[0] == 0
    assert finished


def test_without_a_mask_anything_goes(run: Run) -> None:
    code, out, _ = run("generate", "--no-mask", "--prompt", "def )", "--max-tokens", "5", "--json")
    assert code == 0
    assert json.loads(out)["closing"] == ""


def test_generate_under_a_spec(run: Run, tmp_path: Path) -> None:
    grammar = {"kind": "regex", "source": "[ab]{3}"}
    for number, extra in enumerate(({}, {"language": "python", "context": {"prefix": "x = "}})):
        spec = {"version": "1.0", "grammar": grammar, **extra}
        path = write(tmp_path, f"{number}.json", json.dumps(spec))
        code, out, _ = run("generate", "--spec", path, "--max-tokens", "20")
        assert code == 0
        assert re.fullmatch(r"(x = )?[ab]{3}", out.strip())


def test_a_prompt_from_a_file(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path, "prompt", "x = [")
    code, out, _ = run("generate", "--prompt-file", path, "--max-tokens", "10")
    assert code == 0
    assert out.startswith("x = [")


# demo


def test_demo_judges_every_text(run: Run) -> None:
    code, out, _ = run("demo", "--json", "--max-tokens", "5")
    texts = json.loads(out)
    assert {(one["language"], one["masked"]) for one in texts} == {
        (language, masked) for language in ("python", "zig") for masked in (False, True)
    }
    parse = [one["verdict"]["parses"] for one in texts if one["masked"]]
    assert code == (0 if all(parse) else 1)
    for one in texts:
        whole = one["prompt"] + one["text"]
        if one["language"] == "python":
            assert one["verdict"]["parses"] == _parses(whole)
    code, out, _ = run("demo", "--max-tokens", "5")
    assert "without the mask" in out
    assert "texts that parse" in out
    assert "\x1b" not in out


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


@pytest.mark.parametrize(
    ("language", "text", "parses", "accepts"),
    [
        ("python", "def f():\n    pass\n", True, True),
        ("python", "def f(:\n", False, False),
        ("python", "return 1\n", True, False),
        ("python", "x = '\0'\n", False, False),
        ("python", "(" * 300, False, False),
        ("zig", "const a = 1;\n", True, True),
        ("zig", "const a = ;\n", False, False),
        ("zig", "const a = b;\n", True, False),
        ("zig", 'const a = "\n', False, False),
    ],
)
def test_judges(language: str, text: str, parses: bool, accepts: bool) -> None:
    verdict = judge(language, text.encode())
    assert verdict is not None
    assert (verdict.parses, verdict.accepts) == (parses, accepts)
    assert verdict.words


def test_no_judge_for_other_languages() -> None:
    assert judge("go", b"package a") is None


# doctor


def test_doctor(run: Run) -> None:
    code, out, _ = run("doctor", "--json")
    facts = json.loads(out)
    assert code == (0 if facts["is_healthy"] else 1)
    assert facts["version"] == __version__
    assert [one["language"] for one in facts["grammars"]] == list(LANGUAGES)
    assert f"ananke    {__version__}" in run("doctor")[1]


# bad input


def _bad_inputs(folder: Path) -> list[tuple[list[Any], str]]:
    good = write(folder, "good.py", "x = 1\n")
    binary = write(folder, "binary.py", b"x = 1\n\xff\xfe")
    bad_spec = write(folder, "bad.json", '{"language": "python", "foo": 1}')
    return [
        (["check"], "files"),
        (["check", folder / "none.py"], "none.py: can't be read"),
        (["check", "--language", "go", folder], "can't be read"),
        (["check", "a\0b.py"], "can't be read"),
        (["check", binary], "binary.py: line 2: byte 6 is not UTF-8"),
        (["check", write(folder, "noname", "x")], "--language"),
        (["check", good, "--language", "cobol"], "no language 'cobol'; choose one of python"),
        (["check", "--bogus", good], "--bogus"),
        (["bogus"], "bogus"),
        (["spec"], "command"),
        (["complete", good], "FILE:LINE:COL"),
        (["complete", f"{good}:0:1"], "the file has 2 lines"),
        (["complete", f"{good}:1:9"], "line 1 has columns 1 to 6"),
        (["complete", f"{good}:1:x"], "FILE:LINE:COL"),
        (["complete", f"{write(folder, 'b.py', ')')}:1:2"], "ananke check"),
        (["trace", write(folder, "empty.py", "")], "is empty"),
        (["trace", good, "--tokenizer", folder / "none.json"], "none.json"),
        (["trace", good, "--tokenizer", good], "good.py"),
        (["bench", write(folder, "c.py", ")")], "not a program"),
        (["generate", "--max-tokens", "0"], "--max-tokens"),
        (["generate", "--temperature", "-1"], "--temperature"),
        (["generate", "--seed", "x"], "--seed"),
        (["generate", "--prompt", "def )"], "spec.context.prefix"),
        (["generate", "--prompt", "x", "--prompt-file", good], "--prompt-file"),
        (["generate", "--language", "cobol"], "no language 'cobol'"),
        (["generate", "--spec", folder / "none"], "can't be read"),
        (["generate", "--spec", bad_spec], "bad.json: spec.foo"),
        (["generate", "--spec", good], "good.py: spec: is not JSON"),
        (["generate", "--spec", bad_spec, "--prompt", "x"], "--prompt: the spec says it"),
        (["generate", "--model", folder / "none"], "--model"),
    ]


def test_bad_input_is_one_line_and_exit_code_2(run: Run, tmp_path: Path) -> None:
    for arguments, words in _bad_inputs(tmp_path):
        code, out, err = run(*arguments)
        assert (code, arguments) == (2, arguments)
        assert err.startswith("ananke: ")
        assert err.count("\n") == 1
        assert words in err
        assert "Traceback" not in out + err


# as a process


def _process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    code = "import sys; from ananke.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, check=False, **options
    )


def test_standard_input_exit_codes_and_plain_output() -> None:
    done = _process("check", "-", "--language", "python", input=b"x = (1,\n")
    assert done.returncode == 1
    assert done.stdout.startswith(b"-: unfinished python")
    assert b"\x1b" not in done.stdout
    done = _process("check", "-", "--language", "python", input=b"\xff")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", "x = 1\n")
    code = "import sys; from ananke.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, "check", *[str(path)] * 3000],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1
