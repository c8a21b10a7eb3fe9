import logging

from ray import serve
from sentence_transformers import SentenceTransformer
from starlette.requests import Request

logger = logging.getLogger("ray.serve")


@serve.deployment
class Query:
    def __init__(self) -> None:
        self.model = SentenceTransformer("BAAI/bge-small-en-v1.5")

    async def __call__(self, request: Request) -> dict:
        body = await request.json()
        vector = self.model.encode(body["query"])
        logger.debug("embedded a query of %d characters", len(body["query"]))
        return {"vector": vector.tolist()}


deployment = Query.bind()
