import logging
import time

from fastapi import Depends, FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field

from handbook.auth import require_user
from handbook.chain import build_chain
from handbook.settings import get_settings

logger = logging.getLogger("handbook")
settings = get_settings()
app = FastAPI(title="Handbook assistant", docs_url=None, redoc_url=None)
app.add_middleware(
    CORSMiddleware,
    allow_origins=settings.allowed_origins,
    allow_methods=["POST"],
    allow_headers=["authorization"],
)
chain = build_chain(settings)


class Ask(BaseModel):
    question: str = Field(max_length=4000)


@app.post("/ask", dependencies=[Depends(require_user)])
async def ask(body: Ask) -> dict[str, str]:
    start = time.monotonic()
    try:
        answer = await chain.ainvoke(body.question)
    except TimeoutError as error:
        raise HTTPException(504, "the model did not answer in time") from error
    logger.info("answered in %.2f s", time.monotonic() - start)
    return {"answer": answer}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
