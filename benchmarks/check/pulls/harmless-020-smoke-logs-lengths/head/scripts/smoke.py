"""Send one fixed request and check that an answer comes back."""

import argparse
import os
import sys

import httpx

PROMPT = "Summarize in one sentence: water boils at 100 degrees Celsius at sea level."


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8000/v1")
    parser.add_argument("--timeout", type=float, default=30.0)
    args = parser.parse_args()
    headers = {"Authorization": f"Bearer {os.environ['VLLM_API_KEY']}"}
    body = {"model": "summarizer", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 64}
    with httpx.Client(timeout=args.timeout) as client:
        response = client.post(f"{args.url}/chat/completions", json=body, headers=headers)
    response.raise_for_status()
    answer = response.json()["choices"][0]["message"]["content"]
    print(f"ok, {len(PROMPT)} characters in, {len(answer)} out, {response.elapsed.total_seconds():.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
