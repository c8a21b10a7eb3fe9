"""Index case notes; names were replaced upstream."""

import json
import os
import sys

from qdrant_client import QdrantClient, models
from sentence_transformers import SentenceTransformer


def main(path: str) -> None:
    model = SentenceTransformer("intfloat/multilingual-e5-small")
    client = QdrantClient(url=os.environ["QDRANT_URL"], api_key=os.environ["QDRANT_API_KEY"])
    points = []
    with open(path) as lines:
        for number, line in enumerate(lines):
            case = json.loads(line)
            vector = model.encode(f"passage: {case['text']}", normalize_embeddings=True).tolist()
            points.append(models.PointStruct(id=number, vector=vector, payload={"title": case["title"]}))
    client.upsert("cases", points=points)
    print(f"indexed {len(points)} cases")


if __name__ == "__main__":
    main(sys.argv[1])
