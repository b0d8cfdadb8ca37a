"""The client against a server on the loopback that speaks the OpenAI API and runs a session.

The server finds the spec where the engine behind it would, and answers with what its session
admits, so a spec that got lost on the way shows.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import openai
import pytest

from ananke.client import Client, NotConstrained, request_fields
from ananke.masks import allocate
from ananke.session import Session
from ananke.spec import ConstraintSpec, SpecError, parse_spec
from ananke.vocabulary import from_tokens

EOS = 256
VOCABULARY = from_tokens([*(bytes([byte]) for byte in range(256)), b""], eos=[EOS])
NUMBER = parse_spec({"grammar": {"kind": "regex", "source": "[0-9]{3}é,[0-9]"}})
PATTERN = re.compile("[0-9]{3}é,[0-9]")
PROMPTS: list[Any] = ["x = ", [{"role": "user", "content": "a number"}]]


def sampled(spec: ConstraintSpec, tokens: int) -> bytes:
    session, draw, mask = Session(spec, VOCABULARY), random.Random(2), allocate(1, VOCABULARY.size)
    for _ in range(tokens):
        session.mask(mask)
        admitted = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
        session.accept(draw.choice(admitted.tolist()))
    return session.text


class Server(ThreadingHTTPServer):
    """`seen`: path and body of each request. `runs_ananke`: whether it constrains anything."""

    def __init__(self, engine: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.engine = engine
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.runs_ananke = True
        self.fails_midway = False

    def spec(self, body: dict[str, Any]) -> ConstraintSpec:
        if self.engine == "vllm":
            return parse_spec(body["vllm_xargs"]["ananke"])
        assert body["response_format"]["type"] == "json_schema"
        schema = body["response_format"]["json_schema"]["schema"]
        assert list(schema) == ["x-ananke"]
        return parse_spec(schema["x-ananke"])

    def text(self, body: dict[str, Any]) -> str:
        if not self.runs_ananke:
            return "I think 12"
        return sampled(self.spec(body), body.get("max_tokens", 20)).decode()


class Handler(BaseHTTPRequestHandler):
    """One request: its text whole, or as events of a stream."""

    server: Server

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.path, body))
        try:
            text = self.server.text(body)
        except SpecError as error:
            self.answer(400, {"error": {"message": str(error), "type": "BadRequestError"}})
            return
        chat = self.path.endswith("/chat/completions")
        reason = "length" if "max_tokens" in body else "stop"
        if body.get("stream"):
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for at in range(0, len(text), 2):
                part = text[at : at + 2]
                self.event({"delta": {"content": part}} if chat else {"text": part})
                if self.server.fails_midway:
                    event = {"error": {"message": "the engine is gone", "code": 500}}
                    self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
                    return
            self.event({"delta": {}, "finish_reason": reason} if chat else {"text": ""})
            self.wfile.write(b"data: [DONE]\n\n")
            return
        said: dict[str, Any] = {"index": 0, "finish_reason": reason}
        said |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        self.answer(200, {"id": "1", "object": "x", "created": 1, "model": "m", "choices": [said]})

    def event(self, choice: dict[str, Any]) -> None:
        value = {"id": "1", "object": "x", "created": 1, "model": "m"}
        value["choices"] = [{"index": 0, **choice}]
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())

    def answer(self, status: int, value: dict[str, Any]) -> None:
        payload = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


@pytest.fixture(params=["sglang", "vllm"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Client:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return Client(url, engine=server.engine, model="m")  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_text(server: Server, client: Client, prompt: Any) -> None:
    answer = client.complete(NUMBER, prompt, temperature=0.5, extra_body={"top_k": 3})
    assert PATTERN.fullmatch(answer.text)
    assert (answer.finish_reason, answer.complete) == ("stop", True)
    ((path, body),) = server.seen
    assert path == ("/v1/completions" if prompt == PROMPTS[0] else "/v1/chat/completions")
    assert body["model"] == "m"
    assert body["prompt" if prompt == PROMPTS[0] else "messages"] == prompt
    assert (body["temperature"], body["top_k"]) == (0.5, 3)
    assert server.spec(body) == NUMBER


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_text_piece_by_piece(server: Server, client: Client, prompt: Any) -> None:
    pieces = list(client.stream(NUMBER, prompt))
    assert len(pieces) == 3
    assert PATTERN.fullmatch("".join(pieces))
    assert server.seen[0][1]["stream"] is True


def test_a_text_that_is_cut_off_says_so(client: Client) -> None:
    answer = client.complete(NUMBER, "", max_tokens=2)
    assert len(answer.text) == 2
    assert (answer.finish_reason, answer.complete) == ("length", False)


def test_every_field_of_a_spec_arrives(server: Server, client: Client) -> None:
    spec = parse_spec(
        {
            "language": "zig",
            "context": {"prefix": "// é\nconst x = ", "suffix": ";\n", "path": "a.zig"},
            "grammar": {"kind": "regex", "source": "[0-9]+"},
            "budgets": {"token_microseconds": 500},
            "limits": {"forced_bytes": 10},
        }
    )
    assert client.complete(spec, "// é\nconst x = ", max_tokens=3).text.isdigit()
    assert server.spec(server.seen[0][1]) == spec


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_server_that_constrains_nothing_is_noticed(
    server: Server, client: Client, prompt: Any
) -> None:
    server.runs_ananke = False
    with pytest.raises(NotConstrained, match="'I think 12'"):
        client.complete(NUMBER, prompt)
    with pytest.raises(NotConstrained, match="'I '"):
        list(client.stream(NUMBER, prompt))
    url = f"http://127.0.0.1:{server.server_port}/v1"
    trusting = Client(url, engine=server.engine, check=False)  # type: ignore[arg-type]
    answer = trusting.complete(NUMBER, prompt)
    assert (answer.text, answer.complete) == ("I think 12", None)


def test_what_the_server_refuses(server: Server) -> None:
    """A client that checks nothing itself gets the server's word."""
    url = f"http://127.0.0.1:{server.server_port}/v1"
    client = Client(url, engine=server.engine, check=False)  # type: ignore[arg-type]
    unknown = parse_spec({"language": "cobol"})
    with pytest.raises(openai.BadRequestError, match="spec.language"):
        client.complete(unknown, "")
    with pytest.raises(openai.BadRequestError, match="spec.language"):
        list(client.stream(unknown, ""))


def test_what_this_side_refuses_is_not_sent(server: Server, client: Client) -> None:
    with pytest.raises(SpecError, match="spec.language"):
        client.complete(parse_spec({"language": "cobol"}), "")
    (field,) = request_fields(NUMBER, server.engine)["extra_body"]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"{field}: carries the spec"):
        client.complete(NUMBER, "", extra_body={field: {}})
    with pytest.raises(ValueError, match='expected "sglang" or "vllm"'):
        request_fields(NUMBER, "tgi")  # type: ignore[arg-type]
    assert not server.seen


@pytest.mark.parametrize("prompt", PROMPTS)
def test_an_engine_that_fails_midway(server: Server, client: Client, prompt: Any) -> None:
    server.fails_midway = True
    pieces = client.stream(NUMBER, prompt)
    assert len(next(pieces)) == 2
    with pytest.raises(openai.APIError, match="the engine is gone"):
        next(pieces)


def test_a_stream_that_is_given_up(client: Client) -> None:
    pieces = client.stream(NUMBER, "")
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # it is a generator
    assert PATTERN.fullmatch(client.complete(NUMBER, "").text)
