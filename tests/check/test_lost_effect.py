"""Settings that still stand there and do less than before, and values that are kept beside what was taken out of them."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, tree_of

CHROMA = """\
services:
  store:
    image: chromadb/chroma:{}
    environment:
      CHROMA_SERVER_AUTHN_PROVIDER: chromadb.auth.token_authn.TokenAuthenticationServerProvider
    ports: ["192.0.2.1:8000:8000"]
"""
LOKI = "schema_config:\n  configs:\n    - store: tsdb\nlimits_config:\n  retention_period: {}\n{}"
DELETES = "compactor:\n  retention_enabled: true\n  delete_request_store: s3\n"
CLIENT = "from openai import OpenAI\n\nclient = OpenAI({})\n"
KEEP = "from cleaning import scrub\n\n\ndef keep(store, row, text):\n    {}\n"
INDEX = "from langchain_community.vectorstores import FAISS\n\n\ndef load(model):\n    return {}\n"
FIND = "from presidio_analyzer import AnalyzerEngine\n\n\ndef find(text, score_threshold={}):\n    return AnalyzerEngine().analyze(text)\n"


def told(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {weakness.rule.id for weakness in compare(tree_of(before), tree_of(after)).weaknesses}


def test_a_release_that_ignores_a_login_is_told() -> None:
    before = {"compose.yaml": CHROMA.format("0.6.3")}
    assert told(before, {"compose.yaml": CHROMA.format("1.2.0")}) == {"chroma-authentication"}


@pytest.mark.parametrize("tag", ["0.7.1", "latest@sha256:00", "${CHROMA_TAG}"])
def test_a_release_that_reads_it_or_is_not_said_is_none(tag: str) -> None:
    assert "chroma-authentication" not in told(
        {"compose.yaml": CHROMA.format("0.6.3")}, {"compose.yaml": CHROMA.format(tag)}
    )


def test_a_store_that_had_no_login_in_effect_loses_none() -> None:
    assert told({"compose.yaml": CHROMA.format("1.1.0")}, {"compose.yaml": CHROMA.format("1.2.0")}) == set()


def test_a_period_that_nobody_applies_is_told() -> None:
    before = {"loki.yaml": LOKI.format("240h", DELETES)}
    assert told(before, {"loki.yaml": LOKI.format("240h", "")}) == {"loki-retention"}
    assert told(before, {"loki.yaml": LOKI.format("480h", DELETES)}) == {"loki-retention-period"}
    assert told(before, {"loki.yaml": LOKI.format("120h", DELETES)}) == set()
    older = "table_manager:\n  retention_deletes_enabled: true\n"
    assert told({"loki.yaml": LOKI.format("240h", older)}, before) == set()


def test_an_address_under_a_name_that_the_client_does_not_read_is_told() -> None:
    name, other = "OPENAI_BASE_URL=http://models.internal/v1\n", "OPENAI_API_BASE=http://models.internal/v1\n"
    code = {"app.py": CLIENT.format("timeout=5")}
    assert told({".env": name, **code}, {".env": other, **code}) == {"openai-address-unread"}
    assert told({".env": name, **code}, {".env": name + other, **code}) == set()
    assert told({".env": name, **code}, {".env": other, "deploy/.env": name, **code}) == set()
    assert told({".env": other, **code}, {".env": name, **code}) == set()
    hosted = name.replace("models.internal", "api.openai.com")
    assert "openai-address-unread" not in told({".env": hosted, **code}, {".env": other, **code})


def test_a_client_that_is_told_the_address_in_code_is_none() -> None:
    before = {".env": "OPENAI_BASE_URL=http://vllm:8000/v1\n", "app.py": CLIENT.format("base_url=settings.url")}
    assert told(before, before | {".env": "OPENAI_API_BASE=http://vllm:8000/v1\n"}) == set()


@pytest.mark.parametrize(
    "line",
    [
        "store.add(text=scrub(text), metadata={'source': 'a', 'original': text})",
        "store.add({'text': scrub(row['body']), 'source': row['body'][:200]})",
        "clean = scrub(text)\n    store.add(text=clean, excerpt=text.strip())",
        "meta = {'source': 'a', 'raw': text}\n    store.add(text=scrub(text), metadata=meta)",
        "record = {'text': scrub(text)}\n    record['raw'] = text\n    store.add(record)",
        "store.add([{'text': scrub(one), 'full': str(one)} for one in row])",
    ],
)
def test_a_value_kept_beside_what_a_step_made_of_it_is_told(line: str) -> None:
    assert "python-raw-kept" in told(
        {"app.py": KEEP.format("store.add(text=scrub(text))")}, {"app.py": KEEP.format(line)}
    )


@pytest.mark.parametrize(
    "line",
    [
        "store.add(text=scrub(text), length=len(text), id=sha256(text))",
        "text = scrub(text)\n    store.add(text=text, excerpt=text)",
        "store.add(text=scrub(row['text']), source=row['source'])",
        "body = {'prompt': text}\n    store.add(text=scrub(text), answer=post(body))",
        "row['text'] = text\n    store.add(row)",
        "vault.restorable(text=scrub(text), original=text)",
        "store.add(text=scrub(text), language=language_of(text))",
        "store.add(parts=[{'role': role, 'content': scrub(text)} for role, text in row.items()])",
    ],
)
def test_a_value_that_is_measured_or_given_back_is_not(line: str) -> None:
    assert "python-raw-kept" not in told(
        {"app.py": KEEP.format("store.add(text=scrub(text))")}, {"app.py": KEEP.format(line)}
    )


def test_a_higher_threshold_of_what_finds_people_is_told() -> None:
    for path, form in (
        ("config.yaml", "anonymize:\n  entities: [PERSON]\n  score_threshold: {}\n"),
        ("conf/app.yaml", "presidio:\n  min_score: {}\n"),
        (".env", "PII_SCORE_THRESHOLD={}\n"),
        ("find.py", FIND),
    ):
        low, high = {path: form.format(0.35)}, {path: form.format(0.9)}
        assert told(low, high) == {"python-default-score"}, path
        assert told(high, low) == set(), path


@pytest.mark.parametrize("form", ["retriever:\n  score_threshold: {}\n", "rerank:\n  min_score: {}\n"])
def test_a_higher_threshold_of_a_search_is_none(form: str) -> None:
    assert told({"config.yaml": form.format(0.2)}, {"config.yaml": form.format(0.9)}) == set()


def test_an_index_that_runs_code_when_read_is_told() -> None:
    before = {"index.py": INDEX.format("FAISS.from_texts(['a'], model)")}
    loads = INDEX.format("FAISS.load_local('index', model, allow_dangerous_deserialization={})")
    assert told(before, {"index.py": loads.format("True")}) == {"langchain-dangerous-deserialization"}
    assert told(before, {"index.py": loads.format("False")}) == set()


def test_a_key_in_a_section_where_nobody_reads_it_is_lost() -> None:
    form = "model_list: []\n{}:\n  turn_off_message_logging: true\n{}:\n  drop_params: true\n"
    before = {"litellm.yaml": form.format("litellm_settings", "router_settings")}
    assert told(before, {"litellm.yaml": form.format("general_settings", "litellm_settings")}) == {
        "litellm-message-logging"
    }
