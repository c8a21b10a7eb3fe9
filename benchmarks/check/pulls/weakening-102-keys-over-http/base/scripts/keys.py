"""Make a virtual key for a team."""

import argparse
import os

import requests


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("team")
    parser.add_argument("--budget", type=float, default=50.0)
    args = parser.parse_args()
    response = requests.post(
        "https://litellm.example.com/key/generate",
        headers={"Authorization": f"Bearer {os.environ['LITELLM_MASTER_KEY']}"},
        json={"team_id": args.team, "max_budget": args.budget, "models": ["chat", "embed"]},
        timeout=10,
    )
    response.raise_for_status()
    path = f"{args.team}.key"
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
        out.write(response.json()["key"])
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
