"""Identifiers of one request: tokens there and back, and nothing remembered in the clear."""

from __future__ import annotations

import gc
import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.detect import Detector
from privet.serve.masking import Masker, SpanCache, canonical_token
from privet.serve.refusals import Refusal

JANE: Final = "jane.roe@example.com"
PIECES: Final = (
    JANE,
    "john.doe@example.org",
    "4111 1111 1111 1111",
    "192.0.2.44",
    "hello",
    " ",
    " ",
    ", ",
    "\n",
    "[EMAIL_ADDRESS_1]",
    "EMAIL_ADDRESS_2",
    r"EMAIL\_ADDRESS\_3",
    "Zoë 你好",
)
TEXTS: Final = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@cache
def detector() -> Detector:
    return Detector(tier="patterns")


def masker(mode: str = "tokenize", body: str = "", *, keep_parts: bool = False) -> Masker:
    return Masker(SpanCache(detector()), mode, json.dumps(body).encode(), keep_parts=keep_parts)


@given(TEXTS)
def test_every_token_stands_for_one_value_and_none_was_typed(text: str) -> None:
    made = masker(body=text)
    sent = made.mask(text, "prompt")
    assert len(set(made.values.values())) == len(made.values)
    for token in made.values:
        assert token in sent
        assert not re.search(token.strip("[]") + r"(?!\d)", text.replace("\\", ""))


@given(TEXTS)
def test_masking_again_gives_the_same(text: str) -> None:
    """A conversation that is sent again, with its tokens numbered anew, reads the same: prefix caches stay warm."""
    assert masker(body=text).mask(text, "prompt") == masker(body=text).mask(text, "prompt")
    made = masker(body=text)
    assert made.mask(text, "a") == made.mask(text, "b")


@given(TEXTS)
def test_values_put_back_give_the_text(text: str) -> None:
    made = masker(body=text)
    sent = made.mask(text, "prompt")
    for token, value in made.values.items():
        sent = sent.replace(token, value)
    assert sent == text


def test_numbers_go_by_kind_and_first_appearance() -> None:
    made = masker()
    sent = made.mask("john.doe@example.org, 192.0.2.44, jane.roe@example.com, john.doe@example.org", "prompt")
    assert sent == "[EMAIL_ADDRESS_1], [IP_ADDRESS_1], [EMAIL_ADDRESS_2], [EMAIL_ADDRESS_1]"
    assert made.masked == {"EMAIL_ADDRESS": 3, "IP_ADDRESS": 1}


@pytest.mark.parametrize(
    "written",
    [
        "[EMAIL_ADDRESS_1]",
        "EMAIL_ADDRESS_1",
        r"EMAIL\_ADDRESS\_1",
        r"[EMAIL\_ADDRESS\_1]",
        "[EMAIL_ADDRESS_1",
        "EMAIL_ADDRESS_1]",
    ],
)
def test_a_token_is_known_in_every_spelling(written: str) -> None:
    made = masker()
    made.mask(JANE, "prompt")
    assert canonical_token(written) == "[EMAIL_ADDRESS_1]"
    assert made.restore(written) == JANE


def test_other_tokens_are_not_known() -> None:
    made = masker()
    made.mask(JANE, "prompt")
    for written in ("[EMAIL_ADDRESS_2]", "[EMAIL_ADDRESS_11]", "[PERSON_1]", "", "[]"):
        assert made.restore(written) is None


def test_what_was_given_is_known_also_where_it_is_redacted() -> None:
    for mode in ("tokenize", "redact", "pass"):
        made = masker(mode)
        made.mask(f"mail {JANE}", "prompt")
        assert made.gave(JANE)
        assert not made.gave("john.doe@example.org")
    assert masker("redact").mask(f"{JANE} 192.0.2.44", "prompt") == "[EMAIL_ADDRESS] [IP_ADDRESS]"


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(Refusal) as raised:
        masker("refuse").mask(f"mail {JANE}", "messages[3].content")
    assert (raised.value.rule, raised.value.param) == ("identifier", "messages[3].content")
    assert masker("refuse").mask("nothing here", "prompt") == "nothing here"


def test_parts_are_kept_only_for_a_preview() -> None:
    made = masker(keep_parts=True)
    made.mask(f"mail {JANE}", "a")
    made.mask("plain", "b")
    assert made.parts is not None
    assert [(part.field, part.typed, part.sent) for part in made.parts] == [
        ("a", f"mail {JANE}", "mail [EMAIL_ADDRESS_1]"),
        ("b", "plain", "plain"),
    ]
    assert masker().parts is None


def test_a_key_is_context_for_its_value() -> None:
    """The digits alone are nothing; under `passport number` they are one."""
    made = masker()
    tree = {"passport number": "743064650", "amount": "743064650"}
    sent = made.mask_tree(tree, "x")
    assert isinstance(sent, dict)
    assert sent["passport number"] != "743064650"
    assert sent["passport number"].startswith("[")


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(max_size=3)),
        lambda node: st.one_of(st.lists(node, max_size=3), st.dictionaries(st.text(max_size=3), node, max_size=3)),
        max_leaves=8,
    )
)
def test_a_tree_without_identifiers_is_not_changed(tree: object) -> None:
    made = masker()
    masked = made.mask_tree(tree, "x")
    if not made.masked:
        assert masked == tree
        written = json.dumps(tree, indent=1)
        assert masker().mask_json(written, "x") == written


def test_a_masker_shows_no_value() -> None:
    made = masker()
    made.mask(f"mail {JANE}", "prompt")
    assert repr(made) == "Masker(1 masked)"


# The memory of spans


def long_text(number: int) -> str:
    return f"{'word ' * 60} {number} {JANE}"


def test_a_remembered_text_gives_the_same_spans() -> None:
    known = SpanCache(detector())
    for text in (long_text(1), "short " + JANE):
        for start in (0, 5):
            assert known.find(text, start) == known.find(text, start) == detector().find(text, start)


def test_memory_is_bounded_and_holds_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    import privet.serve.masking

    monkeypatch.setattr(privet.serve.masking, "_CACHE_ENTRIES", 16)
    known = SpanCache(detector())
    for number in range(100):
        known.find(long_text(number))
    assert len(known._known) <= 17
    assert set(vars(known)) == {"detector", "plain", "_key", "_known"}
    gc.collect()
    held = json.dumps([[str(key) for key in known._known], [list(map(str, spans)) for spans in known._known.values()]])
    assert "jane" not in held
    assert "word" not in held


def test_names_are_judged_and_not_remembered() -> None:
    known = SpanCache(detector())
    masker = Masker(known, "tokenize", b"{}")
    for number in range(1000):
        assert not masker.holds_identifier(f"model-{number}")
    assert masker.holds_identifier(JANE)
    assert not known._known


def test_threads_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import privet.serve.masking

    monkeypatch.setattr(privet.serve.masking, "_CACHE_ENTRIES", 4)
    known = SpanCache(detector())
    texts = [long_text(number) for number in range(8)] * 200
    expected = {text: detector().find(text) for text in set(texts)}
    with ThreadPoolExecutor(4) as pool:
        assert all(spans == expected[text] for text, spans in zip(texts, pool.map(known.find, texts), strict=True))
