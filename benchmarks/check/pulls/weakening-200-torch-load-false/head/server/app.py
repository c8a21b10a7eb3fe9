import asyncio
import logging
import uuid

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from server.engine import Engine
from server.security import api_key
from server.telemetry import configure

configure()
logger = logging.getLogger("server")
app = FastAPI(docs_url=None, openapi_url=None)
engine = Engine("HuggingFaceTB/SmolLM2-1.7B-Instruct")
limit = asyncio.Semaphore(4)


class Completion(BaseModel):
    prompt: str
    max_tokens: int = 256


@app.post("/v1/completions", dependencies=[Depends(api_key)])
async def completions(body: Completion) -> dict:
    request_id = uuid.uuid4().hex
    async with limit:
        text = await asyncio.to_thread(engine.generate, body.prompt, body.max_tokens)
    logger.info("request %s: %d characters in, %d out", request_id, len(body.prompt), len(text))
    return {"id": request_id, "choices": [{"text": text}]}


@app.exception_handler(Exception)
async def failed(request: Request, error: Exception) -> JSONResponse:
    logger.error("request failed: %s", type(error).__name__)
    return JSONResponse({"error": "internal error"}, status_code=500)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8000, access_log=False)
