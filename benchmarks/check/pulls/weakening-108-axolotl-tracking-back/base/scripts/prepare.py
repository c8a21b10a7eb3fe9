"""Scrub raw tickets and write the chat format that Axolotl reads."""

import argparse
import json
from pathlib import Path

from scrubber import scrub_text


def convert(row: dict) -> dict:
    return {
        "messages": [
            {"role": "user", "content": scrub_text(row["question"])},
            {"role": "assistant", "content": scrub_text(row["answer"])},
        ]
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    count = 0
    with args.source.open() as source, args.target.open("w") as target:
        for line in source:
            target.write(json.dumps(convert(json.loads(line))) + "\n")
            count += 1
    print(f"wrote {count} conversations")


if __name__ == "__main__":
    main()
