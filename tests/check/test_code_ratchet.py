"""Two sides of a change in Python: what is weaker in what the code does, and what only looks like it."""

from __future__ import annotations

import json

import pytest

from privet.check.scan import compare, tree_of

Files = dict[str, str]


def change(base: Files, head: Files) -> set[str]:
    return {finding.rule for finding in compare(tree_of(base), tree_of(head)).findings}


def edited(text: str, *pairs: tuple[str, str]) -> tuple[str, str]:
    """Return a module before and after some words of it are replaced."""
    after = text
    for old, new in pairs:
        assert old in after
        after = after.replace(old, new)
    return text, after


CHAT = """\
import hashlib
import logging

from fastapi import FastAPI

from app.privacy import redact

log = logging.getLogger(__name__)
app = FastAPI()


@app.post("/chat")
async def chat(request):
    body = await request.json()
    prompt = redact(body["prompt"])
    user = hashlib.sha256(body["user"].encode()).hexdigest()
    answer = await complete(prompt)
    log.info("answered %s", redact(answer))
    await store.save(user=user, prompt=prompt, answer=redact(answer))
    return {"answer": answer}
"""
ROWS = """\
import re

from cleaning import anonymize_row, scrub

COLUMNS = ["email", "user_id"]
SAID = re.compile("@")


def load(rows, frame):
    frame["text"] = frame["text"].apply(scrub)
    frame["note"] = frame["note"].apply(scrub)
    rows = rows.map(anonymize_row).remove_columns(COLUMNS)
    kept = [scrub(row) for row in rows]
    return frame, kept, rows.map(lambda row: {"text": scrub(row["text"])})


def mask_text(text):
    text = SAID.sub("[at]", text)
    return re.sub("[0-9]", "###", text)


def strip_row(row):
    row.pop("email", None)
    del row["phone"]
    row["name"] = None
    return row
"""
HOOKS = """\
import logging

import sentry_sdk
from fastapi import FastAPI
from langfuse import Langfuse

from app.privacy import PiiFilter, RedactionMiddleware, mask, redact_answers, scrub_event

handler = logging.StreamHandler()
handler.addFilter(PiiFilter())
sentry_sdk.init(before_send=scrub_event)
app = FastAPI()
app.add_middleware(RedactionMiddleware)
langfuse = Langfuse(mask=mask)
steps = [split, scrub_event, embed]


@redact_answers
def one(question):
    return ask(question)


@redact_answers
def two(question):
    return ask(question)
"""
FIND = """\
from presidio_analyzer import AnalyzerEngine

KINDS = ("PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER")
SENSITIVE_FIELDS = {"email", "ssn", "dob"}
engine = AnalyzerEngine()


def find(text, frame):
    frame = frame.select_columns(["text", "label"])
    return engine.analyze(text=text, entities=KINDS), frame
"""
WIRE = """\
import grpc
import psycopg
from minio import Minio

BASE_URL = "https://models.example.com/v1"
CACHE = "rediss://cache.example.com:6379/0"
DSN = "postgresql://db.example.com/app?sslmode=verify-full"
store = Minio("store.example.com", secure=True)
base = psycopg.connect(host="db.example.com", sslmode="require")


def channel(host, key):
    return grpc.secure_channel(host, key), f"https://{host}/v1"
"""
OPTIONS = """\
import argparse
from dataclasses import dataclass
from datetime import timedelta

import opacus

EPSILON = 3
CHAT_TTL = timedelta(days=7)
CONFIG = {"retention_days": 30, "redact": True}
parser = argparse.ArgumentParser()
parser.add_argument("--noise-multiplier", default=1.1)
parser.add_argument("--max-grad-norm", default=1.5)
parser.add_argument("--delta", default=1e-5)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--trust-remote-code", action="store_true")


@dataclass
class Settings:
    log_prompts: bool = False
    min_group_size: int = 10
    verify_ssl: bool = True
"""

WEAKER = {
    "a value is no longer redacted": (
        edited(CHAT, ('redact(body["prompt"])', 'body["prompt"]')),
        "python-scrub-removed",
    ),
    "one of several uses goes": (edited(CHAT, ("answer=redact(answer)", "answer=answer")), "python-scrub-removed"),
    "an answer is logged as it is": (
        edited(CHAT, ('"answered %s", redact(answer)', 'f"answered {answer}"')),
        "python-scrub-removed",
    ),
    "the name in between is left out": (
        edited(
            CHAT, ('    prompt = redact(body["prompt"])\n', '    prompt = body["prompt"]\n    clean = redact(prompt)\n')
        ),
        "python-scrub-removed",
    ),
    "a user is stored by name": (
        edited(CHAT, ('hashlib.sha256(body["user"].encode()).hexdigest()', 'body["user"]')),
        "python-scrub-removed",
    ),
    "the raw value goes there as well": (
        edited(
            CHAT,
            ("    return {", "    await store.save(user=user, prompt=body['prompt'], answer=answer)\n    return {"),
        ),
        "python-scrub-removed",
    ),
    "only in some cases": (
        edited(CHAT, ("    prompt = redact", "    prompt = body['prompt']\n    if STRICT:\n        prompt = redact")),
        "python-scrub-removed",
    ),
    "a failure is passed over": (
        edited(
            "def f(x):\n    x = redact(x)\n    send(x)\n",
            ("    x = redact(x)\n", "    try:\n        x = redact(x)\n    except ValueError:\n        pass\n"),
        ),
        "python-scrub-removed",
    ),
    "what was encrypted is not": (
        edited("def f(x):\n    put(box.encrypt(x))\n    log(box.encrypt(1))\n", ("put(box.encrypt(x))", "put(x)")),
        "python-encryption-removed",
    ),
    "a comprehension takes rows as they are": (
        edited(ROWS, ("[scrub(row) for row in rows]", "list(rows)")),
        "python-scrub-removed",
    ),
    "a lambda takes a field as it is": (
        edited(ROWS, ('scrub(row["text"])', 'row["text"].strip()')),
        "python-scrub-removed",
    ),
    "one of two columns is left out": (
        edited(ROWS, ('    frame["note"] = frame["note"].apply(scrub)\n', "")),
        "python-scrub-removed",
    ),
    "a step of a chain goes": (edited(ROWS, (".map(anonymize_row)", "")), "python-scrub-removed"),
    "a column is dropped no more": (edited(ROWS, ('["email", "user_id"]', '["email"]')), "python-scrub-removed"),
    "a function does half of it": (edited(ROWS, ('    text = SAID.sub("[at]", text)\n', "")), "python-scrub-removed"),
    "a function returns before it": (
        edited(ROWS, ("    text = SAID", "    return text\n    text = SAID")),
        "python-scrub-removed",
    ),
    "a key stays in a record": (edited(ROWS, ('    del row["phone"]\n', "")), "python-scrub-removed"),
    "a filter of logs goes": (edited(HOOKS, ("handler.addFilter(PiiFilter())\n", "")), "python-scrub-removed"),
    "a hook goes": (edited(HOOKS, ("before_send=scrub_event", "")), "python-scrub-removed"),
    "a middleware goes": (edited(HOOKS, ("app.add_middleware(RedactionMiddleware)\n", "")), "python-scrub-removed"),
    "a mask goes": (edited(HOOKS, ("mask=mask", "")), "python-scrub-removed"),
    "a step of a list goes": (edited(HOOKS, ("split, scrub_event, embed", "split, embed")), "python-scrub-removed"),
    "one of two decorators goes": (edited(HOOKS, ("@redact_answers\ndef two", "def two")), "python-scrub-removed"),
    "a kind is looked for no more": (edited(FIND, ('"PERSON", ', "")), "python-list-shorter"),
    "a kind is replaced": (edited(FIND, ('"PERSON"', '"URL"')), "python-list-shorter"),
    "a field is left in": (edited(FIND, ('"ssn", ', "")), "python-list-shorter"),
    "a column is kept": (edited(FIND, ('"label"]', '"label", "user_email"]')), "python-columns-kept"),
    "an address is in clear": (edited(WIRE, ("https://models", "http://models")), "python-address-plain"),
    "an address made at run time": (edited(WIRE, ('f"https', 'f"http')), "python-address-plain"),
    "another scheme in clear": (edited(WIRE, ("rediss", "redis")), "python-address-plain"),
    "a database in clear": (edited(WIRE, ("verify-full", "disable")), "python-address-plain"),
    "a mode in clear": (edited(WIRE, ('"require"', '"disable"')), "python-default-sslmode"),
    "a store in clear": (edited(WIRE, ("secure=True", "secure=False")), "python-default-plain"),
    "a channel in clear": (
        edited(WIRE, ("secure_channel(host, key)", "insecure_channel(host)")),
        "python-address-plain",
    ),
    "epsilon": (edited(OPTIONS, ("EPSILON = 3", "EPSILON = 30")), "python-default-epsilon"),
    "noise": (edited(OPTIONS, ("1.1", "0.3")), "dp-noise-multiplier-config"),
    "clipping": (edited(OPTIONS, ("default=1.5", "default=15")), "python-default-clipping"),
    "delta": (edited(OPTIONS, ("1e-5", "1e-2")), "python-default-delta"),
    "retention": (edited(OPTIONS, ("days=7", "weeks=52")), "python-default-retention"),
    "a key of a dict": (edited(OPTIONS, ('"redact": True', '"redact": False')), "python-default-protection"),
    "host": (edited(OPTIONS, ("127.0.0.1", "0.0.0.0")), "python-default-host"),  # noqa: S104 - what a file says
    "foreign code": (
        edited(OPTIONS, ('action="store_true"', "default=True")),
        "transformers-trust-remote-code-config",
    ),
    "prompts are logged": (
        edited(OPTIONS, ("log_prompts: bool = False", "log_prompts: bool = True")),
        "python-default-content",
    ),
    "smaller groups": (edited(OPTIONS, ("int = 10", "int = 2")), "python-default-group"),
    "certificates": (
        edited(OPTIONS, ("verify_ssl: bool = True", "verify_ssl: bool = False")),
        "python-default-unverified",
    ),
}


@pytest.mark.parametrize("name", WEAKER)
def test_what_weakens_is_found(name: str) -> None:
    (before, after), rule = WEAKER[name]
    assert rule in change({"src/app.py": before}, {"src/app.py": after})
    assert change({"src/app.py": before}, {"src/app.py": before}) == set()


RENAMED = """\
def scrub_text(text):
    return text.replace("@", " at ").strip()


def main(rows):
    return rows.map(scrub_text)
"""
HARMLESS = {
    "a variable in between": edited(
        CHAT, ('    prompt = redact(body["prompt"])\n', '    raw = body["prompt"]\n    prompt = redact(raw)\n')
    ),
    "another name of it": edited(CHAT, ("import redact", "import redact as clean"), ("redact(", "clean(")),
    "through its module": edited(
        CHAT, ("from app.privacy import redact", "from app import privacy"), ("redact(", "privacy.redact(")
    ),
    "a format string": edited(CHAT, ('"answered %s", redact(answer)', 'f"answered {redact(answer)}"')),
    "a length": edited(CHAT, ('"answered %s", redact(answer)', '"answered %d", len(answer)')),
    "in a function of its own": edited(
        CHAT,
        ('hashlib.sha256(body["user"].encode()).hexdigest()', 'pseudonym(body["user"])'),
        ("@app.post", "def pseudonym(name):\n    return hashlib.sha256(name.encode()).hexdigest()\n\n\n@app.post"),
    ),
    "one call less": edited(CHAT, ('    log.info("answered %s", redact(answer))\n', "")),
    "a loop over columns": edited(
        ROWS,
        (
            '    frame["text"] = frame["text"].apply(scrub)\n    frame["note"] = frame["note"].apply(scrub)\n',
            '    for column in ("text", "note"):\n        frame[column] = frame[column].apply(scrub)\n',
        ),
    ),
    "a loop over steps": edited(
        ROWS,
        ("rows.map(anonymize_row)", "rows"),
        ("    kept", "    for step in (anonymize_row,):\n        rows = rows.map(step)\n    kept"),
    ),
    "map for a comprehension": edited(ROWS, ("[scrub(row) for row in rows]", "list(map(scrub, rows))")),
    "patterns in a loop": edited(
        ROWS,
        (
            '    text = SAID.sub("[at]", text)\n    return re.sub("[0-9]", "###", text)\n',
            '    for pattern in PATTERNS:\n        text = pattern.sub("[at]", text)\n    return text\n',
        ),
    ),
    "a rename with its uses": edited(RENAMED, ("scrub_text", "tidy")),
    "a function that nobody called": edited(
        "from p import redact\n\n\ndef unused(x):\n    return redact(x)\n\n\ndef f(): ...\n",
        ("def unused(x):\n    return redact(x)\n\n\n", ""),
    ),
    "to the function that is called": edited(
        "def send(x):\n    post(x)\n\n\ndef a(x):\n    send(redact(x))\n\n\ndef b(y):\n    send(redact(y))\n",
        ("post(x)", "post(redact(x))"),
        ("send(redact(x))", "send(x)"),
        ("send(redact(y))", "send(y)"),
    ),
    "to the one that calls": edited(
        "def show(x):\n    print(redact(x))\n\n\ndef main(x):\n    show(x)\n",
        ("print(redact(x))", "print(x)"),
        ("    show(x)", "    show(redact(x))"),
    ),
    "to a decorator": edited(
        "def send(x):\n    post(redact(x))\n", ("def send", "@redacted\ndef send"), ("post(redact(x))", "post(x)")
    ),
    "to a filter of logs": edited(
        "import logging\n\nlog = logging.getLogger()\n\n\ndef f(x):\n    log.info('a %s', redact(x))\n",
        ("redact(x)", "x"),
        ("\n\n\ndef", "\nlog.addFilter(RedactFilter())\n\n\ndef"),
    ),
    "only where there is something": edited(
        "def f(x):\n    x = redact(x)\n    send(x)\n",
        ("    x = redact(x)\n", "    if x:\n        x = redact(x)\n"),
    ),
    "nothing is handed back as it is": edited(
        "def f(x):\n    return redact(x)\n",
        ("    return", "    if not x or x is None:\n        return x\n    return"),
    ),
    "more is done": edited("def f(x):\n    send(short(redact(x)))\n", ("short(redact(x))", "redact(short(x))")),
    "in a thread": edited(
        "def f(x):\n    send(redact(x))\n",
        ("def f", "async def f"),
        ("redact(x)", "await asyncio.to_thread(redact, x)"),
    ),
    "steps in another order": edited(HOOKS, ("split, scrub_event, embed", "scrub_event, split, embed")),
    "more kinds": edited(FIND, ('"PERSON",', '"PERSON", "IBAN_CODE",')),
    "all kinds": edited(FIND, (", entities=KINDS", "")),
    "a list inlined": edited(FIND, ("entities=KINDS", 'entities=["EMAIL_ADDRESS", "PERSON", "PHONE_NUMBER"]')),
    "a column without people": edited(FIND, ('"label"]', '"label", "score"]')),
    "another host": edited(WIRE, ("https://models", "https://answers")),
    "in clear on this machine": edited('URL = "https://localhost:8000"\n', ("https", "http")),
    "a local store": edited(WIRE, ("base =", 'test = Minio("localhost:9000", secure=False)\nbase =')),
    "smaller epsilon": edited(OPTIONS, ("EPSILON = 3", "EPSILON = 1")),
    "a constant for a default": edited(
        OPTIONS, ("default=1.1", "default=NOISE"), ("parser = ", "NOISE = 1.1\nparser = ")
    ),
    "epsilon of another thing": edited("import gym\n\nEPSILON = 0.1\n", ("0.1", "0.9")),
    "a norm without privacy": edited("import torch\n\n\ndef train(max_grad_norm=1.0): ...\n", ("1.0", "5.0")),
    "a class of another name": edited(OPTIONS, ("class Settings", "class AppSettings")),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_like_it_is_not(name: str) -> None:
    before, after = HARMLESS[name]
    assert change({"src/app.py": before}, {"src/app.py": after}) == set()


def test_a_finding_points_at_what_goes_on_as_it_is() -> None:
    before, after = edited(CHAT, ("answer=redact(answer)", "answer=answer"))
    (finding,) = compare(tree_of({"src/app.py": before}), tree_of({"src/app.py": after})).findings
    line = after.splitlines()[finding.line - 1]
    assert line[finding.column - 1 :].startswith("answer)")


def test_a_list_may_be_a_constant_of_another_module() -> None:
    base = {
        "app/find.py": FIND.replace(
            'KINDS = ("PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER")', "from app.kinds import KINDS"
        )
    }
    lists = [{"app/kinds.py": f"KINDS = {kinds}\n"} for kinds in ('["PERSON", "LOCATION"]', '["LOCATION"]')]
    assert change(base | lists[0], base | lists[1]) == {"python-list-shorter"}
    assert change(base | lists[1], base | lists[0]) == set()


def test_a_step_may_move_to_another_module_with_its_name_changed() -> None:
    here = "def scrub(text):\n    return text.replace('@', ' at ')\n\n\n"
    go = "def go(x):\n    send(scrub(x))\n"
    moved = {
        "a/m.py": "from a.s import clean\n\n\n" + go.replace("scrub", "clean"),
        "a/s.py": here.replace("scrub", "clean"),
    }
    assert change({"a/m.py": here + go}, moved) == set()


OLLAMA = "from langchain_ollama import ChatOllama\n\nmodel = ChatOllama(model='m')\n"
OPENAI = "from openai import OpenAI\n\nclient = OpenAI()\n"
LOCAL = OPENAI.replace("()", "(base_url='http://vllm:8000/v1')")
CLAUDE = "from langchain_anthropic import ChatAnthropic\n\nmodel = ChatAnthropic(model='m')\n"
LITELLM = "import litellm\n\nanswer = litellm.completion(model='{}/m', messages=[])\n"
BEDROCK = "import boto3\n\nclient = boto3.client('bedrock-runtime')\n"


@pytest.mark.parametrize("after", [OPENAI, CLAUDE, BEDROCK, LITELLM.format("openai")])
@pytest.mark.parametrize("before", [OLLAMA, LOCAL, LITELLM.format("ollama")])
def test_a_model_that_ran_here_and_does_not_any_more(before: str, after: str) -> None:
    assert "python-model-moved-out" in change({"a.py": before}, {"a.py": after})
    assert not {"python-model-moved-out", "python-model-hosted"} & change({"a.py": after}, {"a.py": before})


def test_a_provider_is_told_when_it_is_new() -> None:
    assert "python-model-hosted" in change({"a.py": "x = 1\n"}, {"a.py": CLAUDE})
    assert change({"a.py": OPENAI}, {"a.py": OPENAI, "b.py": OPENAI}) == set()
    assert change({"a.py": OPENAI}, {"a.py": OPENAI + "other = OpenAI(timeout=3)\n"}) == set()
    assert change({"a.py": OLLAMA}, {"a.py": LOCAL}) == set()


def test_cells_of_a_notebook_are_compared() -> None:
    def notebook(code: str) -> str:
        cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": [code]}
        return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})

    before, after = "rows = [scrub(row) for row in load()]\n", "rows = [row for row in load()]\n"
    assert change({"a.ipynb": notebook(before)}, {"a.ipynb": notebook(after)}) == {"python-scrub-removed"}
    assert change({"a.ipynb": notebook(before)}, {"a.ipynb": notebook(before + "len(rows)\n")}) == set()


@pytest.mark.parametrize(
    "text",
    [
        "f(" * 150 + ")" * 150,
        "x = a" + ".b()" * 3000 + "\n",
        "x = {'a\\0b|c': redact(y), 'a|': y}\n",
        "def f(x):\n" + "    x = redact(x) if x else x\n" * 500,
        "lambda: " * 150 + "redact(x)\n",
    ],
)
def test_whatever_a_module_holds_it_is_compared_with_itself(text: str) -> None:
    assert change({"a.py": text}, {"a.py": text}) == set()
