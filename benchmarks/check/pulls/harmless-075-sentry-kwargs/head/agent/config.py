import os

os.environ["LANGCHAIN_TRACING_V2"] = "false"
os.environ["LANGSMITH_TRACING"] = "false"

MODEL = "llama-3.1-8b-instruct"
MODEL_URL = os.environ.get("MODEL_URL", "http://127.0.0.1:8000/v1")
RETRIES = 2
