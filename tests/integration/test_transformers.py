"""`generate()` of Transformers under the mask: batches, beams, sampling; every output parses."""

from __future__ import annotations

import builtins
import inspect
import json
import re
from typing import Any

import pytest
import tree_sitter
import tree_sitter_python

from ananke.session import Session
from ananke.spec import SpecError, parse_policy, parse_spec
from ananke.vocabulary import Vocabulary, from_tokens

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from ananke.adapters.transformers import ConstraintLogitsProcessor  # noqa: E402

WORDS = (
    b'def return pass import if else for in == += ab abc {" ": "] (( )) ): \n    true null'.split(
        b" "
    )
)
TEXTS = [*(bytes([byte]) for byte in range(256)), *WORDS]
EOS, BOS = len(TEXTS), len(TEXTS) + 1
#: The model's vocabulary is padded: its last columns are no tokens of ours.
COLUMNS = 320

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 10},
        "tags": {"type": "array", "items": {"enum": ["red", "green"]}, "minItems": 1},
        "n": {"type": "integer"},
    },
    "required": ["name", "tags", "n"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return from_tokens([*TEXTS, b"", b""], special=[EOS, BOS], eos=[EOS], size=300, name="small")


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(7)
    common = {"vocab_size": COLUMNS, "bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": BOS}
    if request.param == "gpt2":
        config = transformers.GPT2Config(n_positions=256, n_embd=32, n_layer=2, n_head=2, **common)
        return transformers.GPT2LMHeadModel(config).eval()
    config = transformers.LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        **common,
    )
    return transformers.LlamaForCausalLM(config).eval()


#: Two prompts, the first left padded.
PROMPTS = [[BOS, BOS, BOS, 65, 66], [67, 68, 69, 70, 71]]
LENGTH = 45


def generate(
    model: Any, sessions: Session | list[Session], new_tokens: int = LENGTH, **options: Any
) -> list[bytes]:
    """The generated text of each row, checked to end with EOS."""
    torch.manual_seed(11)
    ids = torch.tensor(PROMPTS)
    processor = ConstraintLogitsProcessor(sessions, new_tokens=new_tokens)
    rows = model.generate(
        input_ids=ids,
        attention_mask=(ids != BOS).long(),
        max_new_tokens=new_tokens,
        logits_processor=transformers.LogitsProcessorList([processor]),
        **options,
    )
    texts = []
    for row in rows[:, ids.shape[1] :].tolist():
        assert EOS in row
        tokens = row[: row.index(EOS)]
        assert set(row[len(tokens) + 1 :]) <= {BOS, EOS}
        texts.append(b"".join(TEXTS[token] for token in tokens))
    return texts


OPTIONS = [
    {"do_sample": False},
    {"do_sample": True, "num_return_sequences": 3},
    {"num_beams": 4},
    {"num_beams": 3, "num_return_sequences": 3, "length_penalty": 2.0},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_output_is_of_the_schema(
    model: Any, vocabulary: Vocabulary, options: dict[str, Any]
) -> None:
    spec = parse_spec({"grammar": {"kind": "json_schema", "source": SCHEMA}})
    texts = generate(model, Session(spec, vocabulary), **options)
    assert len(texts) == 2 * options.get("num_return_sequences", 1)
    for text in texts:
        value = json.loads(text)
        assert set(value) == {"name", "tags", "n"}
        assert set(value["tags"]) <= {"red", "green"}
        assert isinstance(value["n"], int)


def parses(program: bytes) -> bool:
    """The word of tree-sitter's own runtime."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))
    return not parser.parse(program).root_node.has_error


@pytest.mark.parametrize("options", OPTIONS)
def test_every_output_is_a_program(
    model: Any, vocabulary: Vocabulary, options: dict[str, Any]
) -> None:
    prefixes = ["x = (", "def f(a):\n    "]
    grammar = {"kind": "regex", "source": r"[jx-z0-9+,()\[\]]*"}
    sessions = [
        Session(
            parse_spec({"language": "python", "context": {"prefix": prefix}, "grammar": grammar}),
            vocabulary,
        )
        for prefix in prefixes
    ]
    texts = generate(model, sessions, new_tokens=30, **options)
    each = len(texts) // len(sessions)
    for at, text in enumerate(texts):
        assert parses(prefixes[at // each].encode() + text), text
        assert re.fullmatch(grammar["source"].encode(), text)
    assert not any(session.text for session in sessions)


@pytest.mark.parametrize("options", OPTIONS[1:3])
def test_every_output_is_a_name_in_scope(
    model: Any, vocabulary: Vocabulary, options: dict[str, Any]
) -> None:
    """With the domains of meaning on, a random model can only write names that there are."""
    spec = parse_spec(
        {
            "language": "python",
            "domains": ["syntax", "imports", "types", "controlflow"],
            "context": {"prefix": "counted = 1\nassert "},
            "grammar": {"kind": "regex", "source": r"[a-z]{1,12}\n"},
        }
    )
    # After `not`, or `tr` which begins a string, the grammar has no way on and the text is ended.
    ended = generate(model, Session(spec, vocabulary), 30, **options)
    names = [text.decode()[:-1] for text in ended if text.endswith(b"\n")]
    assert names
    assert set(names) <= {"counted", *dir(builtins)}


def test_the_likeliest_token_alone_is_what_greedy_decoding_takes(
    model: Any, vocabulary: Vocabulary
) -> None:
    texts = []
    for likely in (None, 0.0):
        spec = {
            "language": "python",
            "domains": ["syntax", "imports", "types", "controlflow"],
            "context": {"prefix": "counted = 1\nassert "},
            "grammar": {"kind": "regex", "source": r"[a-z]{1,12}\n"},
            "budgets": {"likely": likely},
        }
        texts.append(generate(model, Session(parse_spec(spec), vocabulary), 30, do_sample=False))
    assert texts[0] == texts[1]
    assert any(texts[0])


@pytest.mark.parametrize(
    "options",
    [
        {"do_sample": False},
        {"do_sample": True},
        {"do_sample": True, "assistant_confidence_threshold": 0.0, "num_assistant_tokens": 7},
        {"prompt_lookup_num_tokens": 4},
    ],
)
def test_assisted_generation(model: Any, vocabulary: Vocabulary, options: dict[str, Any]) -> None:
    """Drafts of another model or of the prompt: the same session says yes and no to both."""
    torch.manual_seed(3)
    drafts = {} if "prompt_lookup_num_tokens" in options else {"assistant_model": other(model)}
    prompt = [BOS, *b'{"name":"ab","tags":["red","green"],"n":1}' * 2]
    session = Session(
        parse_spec({"grammar": {"kind": "json_schema", "source": SCHEMA}}), vocabulary
    )
    processor = Watched(session, new_tokens=LENGTH)
    (row,) = model.generate(
        input_ids=torch.tensor([prompt]),
        max_new_tokens=LENGTH,
        logits_processor=transformers.LogitsProcessorList([processor]),
        **drafts,
        **options,
    ).tolist()
    text = b"".join(TEXTS[token] for token in row[len(prompt) : row.index(EOS)])
    assert set(json.loads(text)) == {"name", "tags", "n"}
    assert processor.went_back, "no draft was ever taken back: this tests nothing"


class Watched(ConstraintLogitsProcessor):
    """Notes whether `generate` ever went back."""

    length = 0
    went_back = False

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        self.went_back |= input_ids.shape[1] < self.length
        self.length = input_ids.shape[1]
        return super().__call__(input_ids, scores)


def other(model: Any) -> Any:
    """A model of the same kind with other weights."""
    return type(model)(model.config).eval()


def test_left_padding_and_prompts_of_any_text(model: Any, vocabulary: Vocabulary) -> None:
    """A prompt is never judged: this one is neither Python nor what the grammar wants."""
    spec = parse_spec({"grammar": {"kind": "regex", "source": "(ab|cd){2,9}"}})
    texts = generate(model, [Session(spec, vocabulary)] * 2, new_tokens=25, do_sample=True)
    assert all(re.fullmatch(rb"(ab|cd){2,9}", text) for text in texts)


def test_a_whole_batch_of_kinds(model: Any, vocabulary: Vocabulary) -> None:
    """64 rows, each with its own session; every row ends by its own rule."""
    torch.manual_seed(5)
    patterns = [rf"[a-{last}]{{{least},12}}" for last in "bcdefghi" for least in range(8)]
    sessions = [
        Session(parse_spec({"grammar": {"kind": "regex", "source": pattern}}), vocabulary)
        for pattern in patterns
    ]
    ids = torch.tensor([[BOS] * (4 - at % 4) + [65] * (1 + at % 4) for at in range(len(sessions))])
    processor = ConstraintLogitsProcessor(sessions, new_tokens=16)
    rows = model.generate(
        input_ids=ids,
        attention_mask=(ids != BOS).long(),
        max_new_tokens=16,
        do_sample=True,
        logits_processor=transformers.LogitsProcessorList([processor]),
    )
    for pattern, row in zip(patterns, rows[:, ids.shape[1] :].tolist(), strict=True):
        text = b"".join(TEXTS[token] for token in row[: row.index(EOS)])
        assert re.fullmatch(pattern.encode(), text)


def test_scores_are_masked_in_place_or_not(vocabulary: Vocabulary) -> None:
    session = Session(parse_spec({"grammar": {"kind": "regex", "source": "ab|a"}}), vocabulary)
    ids = torch.tensor([[BOS]])
    admitted = {TEXTS.index(b"a"), TEXTS.index(b"ab")}
    for in_place in (True, False):
        scores = torch.zeros((1, COLUMNS))
        masked = ConstraintLogitsProcessor(session, in_place=in_place)(ids, scores)
        assert (masked is scores) is in_place
        assert set(torch.nonzero(masked[0] == 0).flatten().tolist()) == admitted
        assert torch.isneginf(masked).sum().item() == COLUMNS - len(admitted)
        assert in_place or not scores.any()


def test_rows_are_followed_when_they_are_permuted_and_shortened(vocabulary: Vocabulary) -> None:
    spec = parse_spec({"grammar": {"kind": "regex", "source": "(ab|cd)*"}})
    processor = ConstraintLogitsProcessor(Session(spec, vocabulary))

    def admitted(*rows: bytes) -> list[bytes]:
        ids = torch.tensor([[BOS, *row] for row in rows])
        masked = processor(ids, torch.zeros((len(rows), COLUMNS)))
        single = (torch.nonzero(row == 0).flatten().tolist() for row in masked)
        return [bytes(token for token in tokens if token < 256) for tokens in single]

    assert admitted(b"", b"") == [b"ac", b"ac"]
    assert admitted(b"a", b"c") == [b"b", b"d"]
    assert admitted(b"cd", b"ab") == [b"ac", b"ac"]
    assert admitted(b"abc", b"aba") == [b"d", b"b"]
    # A draft is taken back, and one that is not admitted leaves its row with EOS alone.
    assert admitted(b"abcd", b"abxx") == [b"ac", b""]
    assert admitted(b"ab", b"ab") == [b"ac", b"ac"]
    assert admitted(b"a", b"c") == [b"b", b"d"]


def test_misuse_is_named(vocabulary: Vocabulary) -> None:
    session = Session(parse_spec({"grammar": {"kind": "regex", "source": "a*"}}), vocabulary)
    with pytest.raises(ValueError, match="expected one or more"):
        ConstraintLogitsProcessor([])
    with pytest.raises(ValueError, match="size=200"):
        ConstraintLogitsProcessor(session)(torch.tensor([[BOS]]), torch.zeros((1, 200)))
    with pytest.raises(ValueError, match="shared out"):
        ConstraintLogitsProcessor([session, session])(
            torch.zeros((3, 1), dtype=torch.int64), torch.zeros((3, COLUMNS))
        )
    processor = ConstraintLogitsProcessor(session)
    processor(torch.tensor([[BOS, BOS]]), torch.zeros((1, COLUMNS)))
    with pytest.raises(ValueError, match="one call of generate"):
        processor(torch.tensor([[BOS]]), torch.zeros((1, COLUMNS)))


def test_requests_are_composed_with_policies(vocabulary: Vocabulary) -> None:
    policy = parse_policy({"grammar": {"kind": "regex", "source": "[ab]*"}})
    request = parse_policy({"grammar": {"kind": "regex", "source": "[bc]"}})
    processor = ConstraintLogitsProcessor.of_requests([request], vocabulary, policies=[policy])
    scores = processor(torch.tensor([[65]]), torch.zeros(1, COLUMNS))
    assert scores.isfinite().nonzero()[:, 1].tolist() == [TEXTS.index(b"b")]
    language = parse_policy({"language": "python"})
    with pytest.raises(SpecError, match=r"policies\[0\] language × requests\[0\] language"):
        ConstraintLogitsProcessor.of_requests(
            [parse_policy({"language": "go"})], vocabulary, policies=[language]
        )


def test_continuous_batching_takes_no_processor() -> None:
    """Why it is not supported, as docs/serving/transformers.md says."""
    from transformers.generation.continuous_batching import ContinuousBatchingManager
    from transformers.generation.continuous_batching.continuous_api import ContinuousMixin

    for entry in (
        ContinuousMixin.init_continuous_batching,
        ContinuousMixin.generate_batch,
        ContinuousBatchingManager.__init__,
        ContinuousBatchingManager.add_request,
    ):
        taken = inspect.signature(entry).parameters
        processors = [name for name in taken if "processor" in name]
        # Of a request: arguments of processors that are there already.
        assert processors in ([], ["logit_processor_kwargs"]), entry
