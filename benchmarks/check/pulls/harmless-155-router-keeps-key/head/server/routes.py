import asyncio
import logging
import uuid

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from server.engine import Engine
from server.security import api_key

logger = logging.getLogger("server")
router = APIRouter(prefix="/v1", dependencies=[Depends(api_key)])
engine = Engine("HuggingFaceTB/SmolLM2-1.7B-Instruct")
limit = asyncio.Semaphore(4)


class Completion(BaseModel):
    prompt: str
    max_tokens: int = 256


@router.post("/completions")
async def completions(body: Completion) -> dict:
    request_id = uuid.uuid4().hex
    async with limit:
        text = await asyncio.to_thread(engine.generate, body.prompt, body.max_tokens)
    logger.info("request %s: %d characters in, %d out", request_id, len(body.prompt), len(text))
    return {"id": request_id, "choices": [{"text": text}]}
