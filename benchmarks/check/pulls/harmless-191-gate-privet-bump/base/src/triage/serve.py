import logging
import os

import uvicorn
from fastapi import FastAPI
from transformers import pipeline

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

logger = logging.getLogger(__name__)
app = FastAPI()
classify = pipeline("text-classification", model="example-org/triage", trust_remote_code=False)


@app.post("/classify")
def run(text: str) -> dict:
    label = classify(text, truncation=True)[0]
    logger.info("classified as %s", label["label"])
    return label


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8080, access_log=False)
