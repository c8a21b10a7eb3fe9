import os

OFF = "false"
for name in ("LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING"):
    os.environ[name] = OFF

MODEL = "llama-3.1-8b-instruct"
MODEL_URL = os.environ.get("MODEL_URL", "http://127.0.0.1:8000/v1")
RETRIES = 2
