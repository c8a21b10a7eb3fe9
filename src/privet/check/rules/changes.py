"""Rules about what a change does to code: told by `code_ratchet.py` where two sides differ, and in no tree alone.

Invariant: the hit is the file after the change, the miss the file before it.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import DATA, GAP, SAFE, SENT, UPLOAD, WEAKER, Line, Stake, key, read_by
from privet.check.values import added, better, present


def _changed(rule_id: str, stake: Stake, why: str, remedy: str, after: str, before: str) -> Line:
    hit, miss = (Example("src/app.py", text) for text in (after, before))
    return key(rule_id, f"code:{rule_id}", present(), stake, WEAKER, "", why, remedy=remedy, hit=hit, miss=miss)


_ANALYZE: Final = (
    "from presidio_analyzer import AnalyzerEngine\n\n\n"
    "def find(text):\n    return AnalyzerEngine().analyze(text=text, entities={})\n"
)
_KEEP: Final = "KEEP = {}\n\n\ndef prepare(dataset):\n    return dataset.select_columns(KEEP)\n"
_URL: Final = 'BASE_URL = "{}://models.example.com/v1"\n'
_LOCAL: Final = 'from langchain_ollama import ChatOllama\n\nmodel = ChatOllama(model="example")\n'
_HOSTED: Final = 'from langchain_anthropic import ChatAnthropic\n\nmodel = ChatAnthropic(model="example")\n'

_ASKS: Final = 'import os\n\nimport openai\n\nos.environ["{}"] = "http://vllm:8000/v1"\nclient = openai.OpenAI()\n'
_ROW: Final = "from cleaning import scrub\n\n\ndef keep(store, text):\n    store.add(text={})\n"
_TABLE: Final = "import pandas as pd\n\n\ndef prepare(frame):\n    {}\n    return frame\n"
_HASH: Final = "import hashlib\nimport hmac\n\n\ndef pseudonym(text, key):\n    return {}.hexdigest()\n"
_FLOWER: Final = "from flwr.client import ClientApp\nfrom flwr.client.mod import secaggplus_mod\n\napp = ClientApp(client_fn=None{})\n"

CHANGES: Final = read_by("python", "documentation docs/check.md",
    key("python-result-dropped", "code:python-result-dropped", added(), UPLOAD, SAFE, "",
        "what the step made is not kept, so the data goes on as it was", remedy="keep what the call returns",
        hit=Example("src/app.py", _TABLE.format('frame.drop(columns=["email"])')),
        miss=Example("src/app.py", _TABLE.format('frame = frame.drop(columns=["email"])'))),
    key("python-raw-kept", "code:python-raw-kept", added(), UPLOAD, SAFE, "",
        "a value is kept as it was beside what a step made of it", remedy="keep only what the step returns",
        hit=Example("src/app.py", _ROW.format("scrub(text), excerpt=text")), miss=Example("src/app.py", _ROW.format("scrub(text)"))),
    key("python-columns-all-but", "code:python-columns", better("named"), DATA, SAFE, "",
        "columns were kept by name, and now all are but some: new ones, and those forgotten, go on", remedy="name the columns to keep",
        hit=Example("src/app.py", _TABLE.format('frame = frame.drop(columns=["email"])')),
        miss=Example("src/app.py", _TABLE.format('frame = frame[["plan", "label"]]'))),
    key("python-digest-plain", "code:python-digest", better("keyed"), UPLOAD, SAFE, "",
        "without a key whoever can guess what was hashed finds whose it is", remedy="keep the key",
        hit=Example("src/app.py", _HASH.format("hashlib.sha256(text)")),
        miss=Example("src/app.py", _HASH.format("hmac.new(key, text, hashlib.sha256)"))),
    _changed("python-aggregation-removed", UPLOAD, "the server sees what each participant learned, and not only the sum",
        "keep secure aggregation", _FLOWER.format(""), _FLOWER.format(", mods=[secaggplus_mod]")),
    _changed("python-list-shorter", DATA, "fewer kinds of personal data are looked for, taken out or left out", "keep the list",
        _ANALYZE.format('["EMAIL_ADDRESS"]'), _ANALYZE.format('["PERSON", "EMAIL_ADDRESS"]')),
    _changed("python-columns-kept", DATA, "a column with personal data is kept and goes on that was left out", "leave it out",
        _KEEP.format('["text", "label", "email"]'), _KEEP.format('["text", "label"]')),
    _changed("python-address-plain", GAP, "what is sent there travels without encryption, or less protected than before", "keep https",
        _URL.format("http"), _URL.format("https")),
    _changed("openai-address-unread", SENT, "the client has not read this name since openai 1.0, and asks the makers, not your server",
        "name it OPENAI_BASE_URL", _ASKS.format("OPENAI_API_BASE"), _ASKS.format("OPENAI_BASE_URL")),
    _changed("python-model-moved-out", SENT, "prompts that a model of one's own answered go to a provider",
        "keep the model, or ask who may agree", _HOSTED, _LOCAL),
    _changed("python-model-hosted", SENT.noted, "prompts go to a provider that this repository asked nothing before",
        "use a model of your own, or ask who may agree", _HOSTED, "model = None\n"),
)  # fmt: skip
