import asyncio
import logging
import uuid

from fastapi import APIRouter
from pydantic import BaseModel

logger = logging.getLogger("server")
router = APIRouter(prefix="/v1")
limit = asyncio.Semaphore(4)


class Completion(BaseModel):
    prompt: str
    max_tokens: int = 256


@router.post("/completions")
async def completions(body: Completion) -> dict:
    from server.app import engine

    request_id = uuid.uuid4().hex
    async with limit:
        text = await asyncio.to_thread(engine.generate, body.prompt, body.max_tokens)
    logger.info("request %s: %d characters in, %d out", request_id, len(body.prompt), len(text))
    return {"id": request_id, "choices": [{"text": text}]}
