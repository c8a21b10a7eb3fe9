"""Names and values, judged by words and shape."""

from __future__ import annotations

import pytest

from privet.check.secret_shapes import LITERAL, NOTHING, REFERENCE, STAND_IN, is_secret_name, state_of, words_of


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "clientSecret",
        "openai-api-key",
        "PGPASSWORD",
        "SMTP_PASS",
        "hf_token",
        "X-API-Key",
        "masterKey",
        "API_KEY_2",
        "SALT",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "eos_token", "token_ids", "password_file", "secretName", "existingSecret", "api_key_env", "PWD", "id-token", "salt",
     "use_auth_token", "forgot_password", "public_key", "cache_key", "tokenizer", "image_pull_secret", "key"],
)  # fmt: skip
def test_names_that_only_speak_of_one(name: str) -> None:
    assert not is_secret_name(name)


def test_words_of_every_spelling() -> None:
    assert (
        words_of("OPENAI_API_KEY") == words_of("openaiApiKey") == words_of("openai-api-key") == ["openai", "api", "key"]
    )


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("hunter2real", LITERAL),
        ("S3cr3t!Vault9", LITERAL),
        ("P9(kd|2^x,Qw", LITERAL),
        ("Qm7#tRz1x", LITERAL),
        ("postgres", STAND_IN),
        ("changeme", STAND_IN),
        ("12345678", STAND_IN),
        ("${PASSWORD}", REFERENCE),
        ("${PASSWORD:-hunter2real}", LITERAL),
        ("${PASSWORD:-}", REFERENCE),
        ("os.environ/PASSWORD", REFERENCE),
        ("<password>", NOTHING),
        ("", NOTHING),
        ("x" * 5000, NOTHING),
    ],
)
def test_states_of_a_password(value: str, state: str) -> None:
    assert state_of("DB_PASSWORD", value, strict=False) == state


def test_code_needs_more_than_settings() -> None:
    assert state_of("password", "Ab1!xy", strict=False) == LITERAL
    assert state_of("password", "Ab1!xy", strict=True) != LITERAL


@pytest.mark.parametrize(
    ("value", "strict", "expected"),
    [
        ("sk-proj-NqVwYSVPHbDXpPdkhxEpyIgKpaUnArlXykWZeiNNCiiaanXn", True, LITERAL),  # letters only
        ("utlZfOjUStEkUd", False, LITERAL),
        ("MyDatabasePassword", False, STAND_IN),
        ("OpenAIApiKey", False, STAND_IN),
        ("TheQuickBrownFox", True, STAND_IN),
        ("sk-my-secret-key-for-this-app", True, STAND_IN),
    ],
)
def test_letters_alone_are_a_secret_where_they_change_by_chance(value: str, strict: bool, expected: str) -> None:
    assert state_of("api_password", value, strict=strict) == expected
