import os

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from sentence_transformers import SentenceTransformer

BATCH = 256


class Embedder:
    def __init__(self) -> None:
        self.model = SentenceTransformer("BAAI/bge-small-en-v1.5", trust_remote_code=False)

    def __call__(self, batch: dict) -> dict:
        batch["vector"] = self.model.encode(list(batch["text"]), show_progress_bar=False)
        del batch["text"]
        return batch


def main() -> None:
    ray.init(dashboard_host="127.0.0.1", log_to_driver=False)
    rows = ray.data.read_parquet("s3://example-clean/tickets").drop_columns(["author", "email"])
    rows.map_batches(Embedder, batch_size=BATCH, concurrency=4, num_gpus=1).write_parquet(
        "s3://example-vectors/tickets"
    )


if __name__ == "__main__":
    main()
