from __future__ import annotations

import ast

import pytest

from privet.check.python_nodes import Parsed
from privet.check.python_scrubs import Scrubs, is_scrub_name

SCRUBS = (
    "redact scrub_text anonymizeRow PiiFilter PIINodePostprocessor mask_emails "
    "hash_user_id remove_pii RedactionMiddleware strip_exif sanitize_prompt"
)
OTHERS = (
    "strip filter_documents sanitize_filename remove_prefix attention_mask "
    "mask_fill replace_token hash drop_last strip_prompt clean_text"
)


@pytest.mark.parametrize("name", SCRUBS.split())
def test_a_name_says_that_personal_data_is_taken_out(name: str) -> None:
    assert is_scrub_name(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_a_name_of_something_else_does_not(name: str) -> None:
    assert not is_scrub_name(name)


def operand(code: str, module: str = "") -> str | None:
    """Return what a call's step is applied to, None where it takes none."""
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    found = Scrubs(Parsed(module)).operand(call)
    return None if found is None else "" if found[1] is None else ast.unparse(found[1])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("redact(x, lang='en')", "x"),
        ("redactor.redact(text=x)", "x"),
        ("frame.anonymize()", "frame"),
        ("re.sub('a', '[NAME]', x)", "x"),
        ("EMAIL.sub('<email>', x)", "x"),
        ("LINE.sub('<br>', x)", None),
        ("EMAIL.sub('***', x)", "x"),
        ("x.replace(name, '[NAME]')", "x"),
        ("x.replace('a', 'b')", None),
        ("hashlib.sha256(x.encode()).hexdigest()", "x"),
        ("hmac.new(key, x.encode(), 'sha256').hexdigest()", "x"),
        ("rows.map(scrub)", "rows"),
        ("map(scrub, rows)", "rows"),
        ("rows.map(lambda row: {'text': scrub(row['text'])})", "rows"),
        ("rows.map(partial(scrub, lang='en'))", "rows"),
        ("asyncio.to_thread(redact, x)", "x"),
        ("rows.map(split)", None),
        ("box.encrypt(x)", "x"),
        ("PiiFilter(x)", None),
        ("mask(x)", "x"),
        ("len(x)", None),
    ],
)
def test_a_step_is_applied_to_a_value(code: str, expected: str | None) -> None:
    assert operand(code) == expected


def test_a_mask_of_numbers_hides_nobody() -> None:
    assert operand("mask(x)", "import numpy as np\n") is None


def test_a_function_that_only_hands_a_step_on_takes_it() -> None:
    module = "def tidy(text):\n    text = EMAIL.sub('[EMAIL]', text)\n    return text.strip()\n"
    assert operand("tidy(x)", module) == "x"
    assert operand("ask(x)", "def ask(text):\n    clean = redact(text)\n    return model(clean)\n") is None


def test_a_function_imported_under_another_name_is_the_same() -> None:
    assert operand("clean(x)", "from app.privacy import redact as clean\n") == "x"
