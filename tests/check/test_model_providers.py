from __future__ import annotations

import pytest

from privet.check.model_providers import BY_CLASS, HERE, LOCAL, classes_of, provider_of_model


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("openai/gpt-4o", "openai"),
        ("azure/chat", "openai"),
        ("gpt-4o-mini", "openai"),
        ("claude-sonnet", "anthropic"),
        ("vertex_ai/gemini-pro", "google"),
        ("together_ai/llama", "together"),
        ("example/model", ""),
        ("ollama/llama3", ""),
    ],
)
def test_a_models_name_tells_its_provider(model: str, provider: str) -> None:
    assert provider_of_model(model) == provider


def test_models_that_run_here_are_told_by_their_prefix() -> None:
    assert HERE.match("ollama/llama3")
    assert HERE.match("hosted_vllm/example")
    assert not HERE.match("openai/gpt-4o")


def test_a_class_is_of_one_side() -> None:
    assert set(BY_CLASS) & LOCAL == set()
    assert "ChatAnthropic" in classes_of("anthropic")
    assert classes_of("nobody") == ()
