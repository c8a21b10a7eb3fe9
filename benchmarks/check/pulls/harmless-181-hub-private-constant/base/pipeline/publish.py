"""Put the cleaned corpus on the hub, for members only."""

import os

from datasets import load_from_disk
from huggingface_hub import HfApi

REPO = "example-org/forum-corpus"


def main() -> None:
    api = HfApi(token=os.environ["HF_TOKEN"])
    api.create_repo(REPO, repo_type="dataset", private=True, exist_ok=True)
    posts = load_from_disk("data/clean")
    posts.push_to_hub(REPO, private=True)
    api.update_repo_settings(REPO, repo_type="dataset", gated="manual")


if __name__ == "__main__":
    main()
