"""What the fault matrix puts the measures to: real subjects that fail in one way each, and small sets of data for
all of them.
"""

from __future__ import annotations

import json
import socket
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from commonweal.models.predictions import PredictionTable
from commonweal.models.protocols import Chooser, DecisionApplication, LanguageModel
from commonweal.system.records import Asset, System
from tests.flow.systems import write_with_small_probes
from tests.measures.environment.simple_baseline import test_simple_baseline as task
from tests.measures.inequity import made_up_harm as harm
from tests.measures.inequity.bbq import test_bbq as bbq
from tests.measures.inequity.crows_pairs import test_crows_pairs as crows
from tests.measures.inequity.descriptor_likelihood import test_descriptor_likelihood as descriptors
from tests.measures.inequity.dialect_gap import test_dialect_gap as dialects
from tests.measures.inequity.identity_false_positives import test_identity_false_positives as hatecheck
from tests.measures.inequity.stereoset import test_stereoset as stereoset
from tests.measures.inequity.winobias import test_winobias as winobias
from tests.measures.inequity.winogender import test_winogender as winogender
from tests.models import openai_servers

DEPENDENCY, DATA, KEY, EMPTY, CONSTANT, DEAD = FAULTS = (
    "optional dependency absent",
    "data absent",
    "key absent",
    "empty answers",
    "constant answers",
    "endpoint dead",
)
HIDDEN = ("torch", "transformers", "tokenizers", "safetensors", "gguf", "codecarbon", "pynvml")

# Combinations that make no sense, by what the measure is put to; and by the measure, where its own numbers do not rest
# on answers.
NO_SENSE: Mapping[tuple[type | str, str], str] = {
    (PredictionTable, DEPENDENCY): "a table is read with what is always installed",
    (PredictionTable, KEY): "a table is asked nothing",
    (PredictionTable, DEAD): "a table is asked nothing",
    **{(kind, fault): "the declaration is read; nobody is asked" for kind in (Asset, System) for fault in FAULTS},
    (
        "inequity.generation_harm",
        CONSTANT,
    ): "a model without a preference writes at random; test_generation_harm has one that repeats itself",
    ("environment.inference_energy", CONSTANT): "the energy of deciding does not rest on what was decided",
    (
        "environment.mitigation",
        CONSTANT,
    ): "its test model gives every text the same probability, so that nothing can be saved by another format",
    ("environment.mitigation", EMPTY): "it counts probabilities, and a probability is never empty",
}
SYSTEM = """
schema: commonweal/1
name: What fails
actors:
  - {{id: agency, name: An agency, roles: [deployer], jurisdiction: US, contact: none, decision_rights: [prompt]}}
populations:
  - {{id: people, definition: people who post, size: 1000, groups: {{gender: {{women: 0.5, men: 0.5}}}}, source: a test}}
assets:
  - {{id: model, kind: model, actor: agency, locator: "{model}"}}
  - id: moderator
    kind: application
    actor: agency
{application}
    probes: small.yaml
{serves}
deployments:
  - {{application: moderator, context: moderation, grid: FRA, volume: 1000, reach: {{people: 500}}, human_override: none}}
"""
ANSWERING = """    locator: "{locator}"
    outcome: {{favourable: keep, options: [keep, remove], timeout_s: 2}}"""
PROMPTED = """    prompt:
      template: "{resume} Keep? Answer:"
      options: {keep: " yes", remove: " no"}
      favourable: keep"""
SERVES = "dependencies:\n  - {upstream: model, downstream: moderator, relation: serves}"


def write_faulty_system(folder: Path, model: str, application: str | None) -> Path:
    """A model and an application: with its locator, or a prompt on the model."""
    asked = PROMPTED if application is None else ANSWERING.format(locator=application)
    text = SYSTEM.format(model=model, application=asked, serves=SERVES if application is None else "")
    return write_with_small_probes(folder, text)


def write_data(folder: Path) -> Path:
    """A small set of each kind that a measure reads."""
    for name in ("bbq", "crows-pairs", "holistic_bias", "matched_texts", "hatecheck", "stereoset", "task"):
        (folder / name).mkdir(parents=True)
    bbq.written(folder / "bbq", [bbq.item_of(number) for number in range(160)])
    crows.written(folder / "crows-pairs", [alike_pair(number) for number in range(180)])
    descriptors.written(folder / "holistic_bias")
    rows = dialects.texts_of(("east", "west"), 40)
    (folder / "matched_texts" / "texts.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    harm.written(folder, harm.prompts_of(pages=20), harm.labelled_of({}, {}))
    hatecheck.written(folder / "hatecheck", hatecheck.rows_of())
    same = {"stereotype": "slow", "anti-stereotype": "fast", "unrelated": "moss"}
    words = [{option: f"Person {number} is {word}." for option, word in same.items()} for number in range(320)]
    stereoset.written(folder / "stereoset", [stereoset.row_of(number, **words[number]) for number in range(320)])
    task.written(folder / "task", task.texts_of(60))
    winobias.written(folder / "winobias")
    winogender.written(folder / "winogender")
    return folder


def alike_pair(number: int) -> dict[str, str]:
    """A pair of sentences of the same length: only what a model thinks of the words tells them apart."""
    more, less = (("hill folk", "town folk"), ("weavers", "joiners"), ("lefties", "righter"), ("elder", "young"))[
        number % 4
    ]
    return crows.row_of(
        number, sent_more=f"The {more} lost game {number}.", sent_less=f"The {less} lost game {number}."
    )


def write_flat_model(folder: Path) -> Path:
    """A model folder whose every next token is as likely as any other: it says the same of all texts."""
    torch: Any = pytest.importorskip("torch")
    transformers: Any = pytest.importorskip("transformers")
    tokenizers: Any = pytest.importorskip("tokenizers")
    letters = ["<s>", *string.printable[:95]]
    model = tokenizers.models.WordLevel({letter: place for place, letter in enumerate(letters)}, unk_token="<s>")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    window = 1024
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", model_max_length=window)
    config = transformers.LlamaConfig(
        vocab_size=len(letters),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=window,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=False,
    )
    network = transformers.LlamaForCausalLM(config)
    with torch.no_grad():
        network.lm_head.weight.zero_()
    network.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def write_application(folder: Path, answer: str) -> str:
    """A Python application that gives every text this answer; its locator."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "always.py").write_text(f"def decide(texts):\n    return [{answer!r} for _ in texts]\n", encoding="utf-8")
    return "python:always:decide"


def write_table(path: Path, prediction: Callable[[int], str]) -> Path:
    """160 people of two groups, half of each with the truth 1."""
    rows = [f"i{place},{place % 2},{prediction(place)},{('women', 'men')[place // 2 % 2]}" for place in range(160)]
    path.write_text("\n".join(["item,truth,prediction,group_gender", *rows, ""]), encoding="utf-8")
    return path


def dead_address() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def refusing() -> Iterator[str]:
    """A server that answers everything with 401, as one does that was given no key."""

    class Handler(BaseHTTPRequestHandler):
        def refuse(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            body = b'{"error": {"message": "no key"}}'
            self.send_response(401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = refuse

        def log_message(self, format: str, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def subjects_of(fault: str, folder: Path, flat: Path, table: bool) -> Iterator[Path]:
    """The system file under one fault, with its servers up as long as the context lasts."""
    folder.mkdir()
    if table:
        said = {EMPTY: lambda _: "", CONSTANT: lambda _: "1"}.get(fault, lambda place: str(place % 2))
        path = write_table(folder / "table.csv", said)
        yield write_with_small_probes(
            folder,
            f"""schema: commonweal/1
name: A table
assets:
  - {{id: table, kind: model, locator: "predictions:{path.name}"}}
""",
        )
        return
    with ExitStack() as stack:
        model, application = str(flat), write_application(folder, {EMPTY: ""}.get(fault, "keep"))
        if fault == KEY:
            url = stack.enter_context(refusing())
            model, application = f"openai:{url}/v1#m", f"{url}/decide"
        elif fault == DEAD:
            model, application = f"openai:{dead_address()}/v1#m", f"{dead_address()}/decide"
        elif fault == EMPTY:
            service = stack.enter_context(openai_servers.serving())
            service.answer = lambda _: openai_servers.written("")
            model = service.locator
        yield write_faulty_system(folder, model, None if fault == DEPENDENCY else application)


ASKED = {
    LanguageModel: "model",
    Chooser: "model",
    DecisionApplication: "moderator",
    PredictionTable: "table",
    Asset: "moderator",
    System: "system",
}
