from functools import lru_cache

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="HANDBOOK_", env_file=".env")

    llm_url: str = "http://127.0.0.1:8000/v1"
    llm_model: str = "qwen2.5-7b-instruct"
    chroma_path: str = "/var/lib/handbook/chroma"
    top_k: int = 4
    allowed_origins: list[str] = ["https://intranet.example.com"]


@lru_cache
def get_settings() -> Settings:
    return Settings()
