"""Scrub and shape the forum export."""

import argparse
from pathlib import Path

from datasets import Dataset, load_dataset

from pipeline.scrub import scrub_record

COLUMNS = ["user_id", "username", "email", "ip"]


def clean(source: Path) -> Dataset:
    posts = load_dataset("json", data_files=str(source), split="train", trust_remote_code=False)
    posts = posts.remove_columns(COLUMNS)
    posts = posts.map(scrub_record, num_proc=4, desc="scrub")
    posts = posts.filter(lambda row: 20 < len(row["text"]) < 20_000)
    return posts.shuffle(seed=11)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, default=Path("data/clean"))
    options = parser.parse_args()
    posts = clean(options.source)
    posts.save_to_disk(str(options.out))
    print(f"kept {len(posts)} posts")


if __name__ == "__main__":
    main()
