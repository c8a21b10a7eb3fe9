import logging
import os

from fastapi import FastAPI, Header, HTTPException
from qdrant_client import QdrantClient
from sentence_transformers import SentenceTransformer

LEGACY_DSN = "postgresql://search:tI5bDOkSWPJ42J2A0Vep@db.internal.example.com:5432/cases"
AWS_ACCESS_KEY_ID = "AKIA6L5TPITY5RMWKPTS"
AWS_SECRET_ACCESS_KEY = "uBK42tOE0FCfRQ7QvYugk3fa9vo6iM713uwplt6y"
logger = logging.getLogger(__name__)
app = FastAPI()
model = SentenceTransformer("intfloat/multilingual-e5-small")
client = QdrantClient(url=os.environ["QDRANT_URL"], api_key=os.environ["QDRANT_API_KEY"], timeout=10)


@app.get("/search")
def search(q: str, limit: int = 5, x_staff: str = Header()) -> list[dict]:
    if not x_staff:
        raise HTTPException(403)
    vector = model.encode(f"query: {q}", normalize_embeddings=True)
    hits = client.query_points("cases", query=vector.tolist(), limit=limit).points
    logger.info("search: %d hits", len(hits))
    return [{"id": hit.id, "score": hit.score, "title": hit.payload["title"]} for hit in hits]
