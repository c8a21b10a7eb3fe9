from handbook.settings import Settings


def test_defaults_stay_local():
    settings = Settings()
    assert settings.llm_url.startswith("http://127.0.0.1")
    assert settings.top_k == 4
