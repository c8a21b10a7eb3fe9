import pytest

from handbook.settings import Settings


@pytest.mark.parametrize("name", ["LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"])
def test_variables_do_not_change_the_endpoint(monkeypatch, name):
    monkeypatch.setenv(name, "true")
    assert Settings().llm_url.startswith("http://127.0.0.1")


def test_no_star():
    assert "*" not in Settings().allowed_origins
