"""An answer leaves protected: tokens restored, strangers labelled, and the same however it was cut."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privet.detect import Detector
from privet.serve.answer_text import AnswerJson, AnswerText
from privet.serve.masking import Masker, SpanCache

GIVEN = ("jane.roe@example.com", "4111 1111 1111 1111", "192.0.2.44", "GB82 WEST 1234 5698 7654 32")
PROMPT = "Write to jane.roe@example.com, card 4111 1111 1111 1111, IP 192.0.2.44, IBAN GB82 WEST 1234 5698 7654 32."
TOKENS = ("[EMAIL_ADDRESS_1]", "[CREDIT_CARD_1]", "[IP_ADDRESS_1]", "[IBAN_CODE_1]")
STRANGERS = (
    "john.doe@example.org",
    "198.51.100.7",
    "5555 5555 5555 4444",
    "+1 202-555-0143",
    "DE89 3704 0044 0532 0130 00",
)
WORDS = (
    "hello", "the", "A", "I_b", "x = 1;", "_", "__init__", "MAX_SIZE_1", "EMAIL_ADDRESS_2", "[EMAIL_ADDRESS]", "[", "]", "\\",
    "password:", "card", "IBAN", "call", "Zoë", "你好", "、", "\U0001f600", "1", "12", "192.0", "@example.com", "(", ")", "**", "`",
    ",", ".", ":", "\n", "\n\n", "\t", "-----BEGIN", "12 March", "born",
)  # fmt: skip
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from(GIVEN),
        st.sampled_from(TOKENS),
        st.sampled_from(STRANGERS),
        st.sampled_from((" ", " ", "")),
        st.text(max_size=4),
    ),
    max_size=20,
).map("".join)
PLACES = st.lists(st.integers(0, 10_000), max_size=10)


@cache
def detector() -> Detector:
    return Detector(tier="patterns")


def asked(prompt: str = PROMPT, mode: str = "tokenize") -> Masker:
    """Return the masker of a request with this prompt."""
    masker = Masker(SpanCache(detector()), mode, prompt.encode("utf-8", "surrogatepass"))
    masker.mask(prompt, "messages[0].content")
    return masker


def protect(pieces: Iterable[str], masker: Masker | None = None, *, as_json: bool = False, redact: bool = True) -> str:
    kind = AnswerJson if as_json else AnswerText
    channel = kind(detector(), masker or asked(), redact=redact, min_score=0.5)
    return "".join([*map(channel.feed, pieces), channel.close()])


def cut(text: str, places: Iterable[int]) -> list[str]:
    borders = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(borders)]


def test_the_prompt_becomes_tokens() -> None:
    assert dict(zip(TOKENS, GIVEN, strict=True)) == asked().values


@given(TEXTS, PLACES)
@example("see [EMAIL_ADDRESS_1]", [10])
@example("see john.doe@example.org, now", [12])
def test_a_text_reads_the_same_however_it_is_cut(text: str, places: list[int]) -> None:
    assert protect(cut(text, places)) == protect([text])


@given(TEXTS)
def test_a_text_reads_the_same_letter_by_letter(text: str) -> None:
    assert protect(text) == protect([text])


@given(TEXTS)
def test_a_text_without_tokens_or_identifiers_is_not_changed(text: str) -> None:
    if not any(token.strip("[]") in text.replace("\\", "") for token in TOKENS) and not detector().find(text):
        assert protect([text]) == text


@pytest.mark.parametrize(
    "written",
    [
        "[EMAIL_ADDRESS_1]", "EMAIL_ADDRESS_1", r"[EMAIL\_ADDRESS\_1]", r"EMAIL\_ADDRESS\_1", r"EMAIL_ADDRESS\_1",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""), ("(", ")"), ("<", ">"), ("**", "**"), ("`", "`"), ('"', '"'), ("mailto:", "."), ("", ","), ("to:", ";"), ("", "'s"),
        ("", "。"), ("致", "的"), ("\n", "\n"), ("- ", "!"), ("x=", "?"), ("/", "/"), ("a", " b"), ("[", "]"), ("\\[", "\\]"), ("", "…"),
        ("-", "-"), ("{", "}"), ("", "/path"), ("", "@"),
    ],
)  # fmt: skip
def test_a_token_comes_back_in_every_spelling_and_place(written: str, before: str, after: str) -> None:
    if written[0] != "[" and before.endswith("["):
        # These are the token's own brackets.
        before, after = ("", "") if before == "[" else (before, after)
        written = f"[{written}]" if not before else written
    text = f"say {before}{written}{after} now"
    wanted = f"say {before}jane.roe@example.com{after} now"
    assert protect([text]) == wanted
    assert protect(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "[EMAIL_ADDRESS_12]", "[EMAIL_ADDRESS_2]", "MY_EMAIL_ADDRESS_1", "[EMAIL_ADDRESS]", "EMAIL_ADDRESS", "[ADDRESS_1]",
        "[email_address_1]", "[EMAIL-ADDRESS-1]", "EMAIL_ADDRESS_", "[EMAIL_ADDRESS_01]",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_token_of_ours_stays(text: str) -> None:
    assert protect([text]) == text


FRAMES = (
    "{}",
    "({})",
    "[{}]",
    "_{}_",
    "`{}`",
    "**{}**",
    "<{}>",
    '"{}"',
    "C:\\Users\\{}",
    "\\[{}\\]",
    "mailto:{},",
    "致{}的",
    "{}.",
    "{}'s",
)
FRAMED = st.builds(str.format, st.sampled_from(FRAMES), st.sampled_from((*GIVEN, *STRANGERS)))


@given(st.lists(st.one_of(FRAMED, st.sampled_from(WORDS), st.text(max_size=4)), max_size=12).map(" ".join), PLACES)
@example("C:\\Users\\jane.roe@example.com\\x, X4111 1111 1111 1111", [])
@example("password: jane.roe@example.com", [])
@example("C:\\Users\\192.0.2.44 @example.com", [])  # [SOCIAL_HANDLE_1] is no word that makes a handle of the next one
@example("\\\\192.0.2.44\\share [192.0.2.44] _192.0.2.44_", [])
def test_a_model_that_repeats_the_prompt_is_understood_as_typed(prompt: str, places: list[int]) -> None:
    masker = Masker(SpanCache(detector()), "tokenize", prompt.encode("utf-8", "surrogatepass"))
    sent = masker.mask(prompt, "prompt")
    assert protect(cut(sent, places), masker) == prompt


def test_an_open_bracket_is_not_swallowed() -> None:
    assert protect(["see [EMAIL_ADDRESS_1 and EMAIL_ADDRESS_1] too"]) == (
        "see [jane.roe@example.com and jane.roe@example.com] too"
    )


@given(
    st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8),
    PLACES,
    st.sampled_from((" ", ", ", "", "\n", "; ", ")(")),
)
def test_every_token_comes_back_between_others(tokens: list[str], places: list[int], between: str) -> None:
    text = "x " + between.join(tokens) + " y"
    wanted = "x " + between.join(GIVEN[TOKENS.index(token)] for token in tokens) + " y"
    assert protect(cut(text, places)) == wanted


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_becomes_a_label_and_is_counted(stranger: str) -> None:
    masker = asked()
    (span,) = detector().find(f"it is {stranger} there")
    assert protect(f"it is {stranger} there", masker) == f"it is [{span.kind}] there"
    assert masker.redacted == {span.kind: 1}


@pytest.mark.parametrize("value", GIVEN)
def test_what_the_caller_gave_may_be_said(value: str) -> None:
    masker = asked()
    assert protect([f"it is {value} there"], masker) == f"it is {value} there"
    assert not masker.redacted


def test_nothing_is_labelled_where_the_policy_lets_it_pass() -> None:
    assert protect(["john.doe@example.org and [EMAIL_ADDRESS_1]"], redact=False) == (
        "john.doe@example.org and jane.roe@example.com"
    )


def test_a_score_below_the_least_is_not_labelled() -> None:
    text = "see https://example.org/page now"
    (span,) = detector().find(text)
    assert span.score < 0.5
    assert protect([text]) == text


def test_a_token_inside_a_stranger_is_restored_and_the_rest_is_labelled() -> None:
    """The tail of an address must not slip through because its head is a token."""
    shown = protect(["go to postgres://admin:hunter22@EMAIL_ADDRESS_1/db now"])
    assert "hunter22" not in shown


def test_a_redacting_request_gives_nothing_back() -> None:
    masker = asked(mode="redact")
    assert (
        protect(["is it [EMAIL_ADDRESS] or [EMAIL_ADDRESS_1]?"], masker)
        == "is it [EMAIL_ADDRESS] or [EMAIL_ADDRESS_1]?"
    )


def test_what_is_held_back_is_bounded() -> None:
    channel = AnswerText(detector(), asked(), redact=True, min_score=0.5)
    fed = given_out = 0
    for _ in range(300):
        given_out += len(channel.feed("x" * 97))
        fed += 97
        assert fed - given_out <= 4096


def test_a_word_is_given_out_when_the_next_begins() -> None:
    channel = AnswerText(detector(), asked(), redact=True, min_score=0.5)
    assert channel.feed("hello") == ""
    assert channel.feed(" wor") == "hello "
    assert channel.feed("ld [EMAIL_ADD") == "world "
    # A word with digits may go on behind a blank, as telephone numbers do, so it waits for the next one.
    assert channel.feed("RESS_1] and b") == "jane.roe@example.com and "


# JSON


def trees(texts: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    leaves = st.one_of(
        texts,
        st.integers(),
        st.integers(10**9, 10**17),
        st.booleans(),
        st.none(),
        st.floats(allow_nan=False, allow_infinity=False),
    )
    return st.recursive(
        leaves,
        lambda node: st.one_of(st.lists(node, max_size=4), st.dictionaries(texts, node, max_size=4)),
        max_leaves=12,
    )


SEPARATORS = st.sampled_from(((",", ":"), (", ", ": "), (" ,\n", " : ")))
PRETTY = st.sampled_from((None, 1, 4))


def dumped(tree: object, ascii_only: bool, separators: tuple[str, str], indent: int | None) -> str:
    return json.dumps(tree, ensure_ascii=ascii_only, separators=separators, indent=indent)


VALUES = (
    4111111111111111, -4111111111111111, 4111111111111111.0, 41111111111111110, 2025550143, 12025550143, 52.520008, 13.404954,
    4915112345678, 123456789, 536904399,
)  # fmt: skip


@given(trees(TEXTS), st.booleans(), SEPARATORS, PRETTY)
@example({"card": 4111111111111111}, False, (",", ":"), None)
@example(list(VALUES), False, (", ", ": "), None)
@example({f"phone card ssn iban account {value}": value for value in VALUES}, False, (",", ":"), None)
@example({"vin": -16055113464064358, "VIN": [-88276970929154151, 1.5e20]}, False, (",", ":"), None)
@example({"gps": 52.520008, "location": "13.404954"}, False, (",", ":"), 1)
@example({"password": "x", "secret": True, "token": None}, False, (", ", ": "), None)
@example({"ssn": 536904399, "SSN": [-536904399, 536904399.5]}, False, (", ", ": "), None)
def test_json_stays_json(
    tree: object,
    ascii_only: bool,
    separators: tuple[str, str],
    indent: int | None,
) -> None:
    text = dumped(tree, ascii_only, separators, indent)
    json.loads(protect([text], as_json=True))


@given(trees(TEXTS), st.booleans(), SEPARATORS, PRETTY, PLACES)
def test_json_reads_the_same_however_it_is_cut(
    tree: object,
    ascii_only: bool,
    separators: tuple[str, str],
    indent: int | None,
    places: list[int],
) -> None:
    text = dumped(tree, ascii_only, separators, indent)
    whole = protect([text], as_json=True)
    assert protect(cut(text, places), as_json=True) == whole
    assert protect(text, as_json=True) == whole


@given(TEXTS, PLACES)
def test_what_is_not_json_reads_the_same_however_it_is_cut_too(text: str, places: list[int]) -> None:
    assert protect(cut(text, places), as_json=True) == protect([text], as_json=True)


HARD = 'she said "no"\\ and\nleft\ttoday\x01 Zoë \U0001f600'


def hard_masker() -> Masker:
    """Return a masker whose one value holds all that JSON escapes."""
    masker = asked("")
    assert masker.token("PERSON", HARD) == "[PERSON_1]"
    return masker


def mapped(node: object, values: dict[str, str]) -> object:
    """Return a tree with its tokens restored, the slow way."""
    if isinstance(node, str):
        for token, value in values.items():
            node = node.replace(token, value)
        return node
    if isinstance(node, list):
        return [mapped(item, values) for item in node]
    if isinstance(node, dict):
        return {mapped(key, values): mapped(value, values) for key, value in node.items()}
    return node


PLAIN_AND_TOKENS = st.lists(
    st.sampled_from(("[PERSON_1]", " ", " and ", "\n", '"', "\\ ", "/", "é", "\U0001f600", "x,")), max_size=6
).map("".join)


@given(
    st.recursive(
        PLAIN_AND_TOKENS,
        lambda node: st.one_of(st.lists(node, max_size=3), st.dictionaries(PLAIN_AND_TOKENS, node, max_size=3)),
        max_leaves=8,
    ),
    st.booleans(),
    SEPARATORS,
    PRETTY,
    PLACES,
)
def test_values_come_back_escaped(
    tree: object,
    ascii_only: bool,
    separators: tuple[str, str],
    indent: int | None,
    places: list[int],
) -> None:
    text = dumped(tree, ascii_only, separators, indent)
    shown = protect(cut(text, places), hard_masker(), as_json=True)
    assert json.loads(shown) == mapped(tree, {"[PERSON_1]": HARD})


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def test_a_token_in_escapes_is_restored_at_every_split() -> None:
    text = '{"to": "' + escaped("[PERSON_1]") + '", "cc": "\\u005bPERSON\\u005f1]"}'
    wanted = {"to": HARD, "cc": HARD}
    for place in range(len(text) + 1):
        assert json.loads(protect([text[:place], text[place:]], hard_masker(), as_json=True)) == wanted


@pytest.mark.parametrize("stranger", ["john.doe@example.org", "5555 5555 5555 4444", "198.51.100.7"])
def test_a_stranger_in_escapes_is_labelled_at_every_split(stranger: str) -> None:
    text = '{"a": "it is ' + escaped(stranger) + ' here", "b\\n": "\\"\\/\\u0041"}'
    (span,) = detector().find(f"it is {stranger} here")
    for place in range(len(text) + 1):
        shown = protect([text[:place], text[place:]], as_json=True)
        assert json.loads(shown) == {"a": f"it is [{span.kind}] here", "b\n": '"/A'}


def test_what_is_not_touched_leaves_as_it_was_written() -> None:
    text = '{"a":"\\u00e9\\/\\ud83d\\ude00\\"", "b" : [1.50, 1e3,true ,null]}'
    assert protect(text, as_json=True) == text


def test_an_escape_that_never_ends_comes_out_as_written() -> None:
    for text in ('{"a": "x\\', '{"a": "x\\u00', '{"a": "x\\u00e', '"\\uZZZZ"'):
        assert protect(text, as_json=True) == text


def test_a_backslash_outside_a_string_is_no_escape() -> None:
    assert protect(['see \\[EMAIL\\_ADDRESS\\_1\\] "x"'], as_json=True).count("EMAIL") == 0


def numbers_with_context() -> Iterator[str]:
    for key, number in itertools.product(
        ("card", "credit card number", "phone", "ssn", "iban"), (4111111111111111, 5555555555554444)
    ):
        yield json.dumps({key: number})


@pytest.mark.parametrize("text", list(numbers_with_context()))
def test_a_strange_card_number_outside_a_string_becomes_a_string(text: str) -> None:
    shown = json.loads(protect([text], asked("hello"), as_json=True))
    assert next(iter(shown.values())) == "[CREDIT_CARD]"


def test_a_number_is_restored_as_a_string_where_a_token_stands_alone() -> None:
    """A model that leaves the quotes away gets them, so that the arguments stay JSON."""
    assert json.loads(protect(['{"to": [EMAIL_ADDRESS_1]}'], as_json=True)) == {"to": "jane.roe@example.com"}
