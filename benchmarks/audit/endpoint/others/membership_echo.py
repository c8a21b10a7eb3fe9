"""Completions that tell the logprobs of the prompt, as old engines do.

must fail: membership
may fail: unsafe-features
needs: membership file
"""

import random

import data
import fast

MEMBERS = {row["text"] for row in data.passages() if row["member"]}


class Echo(fast.Service):
    def extra(self, key, messages, body, text):
        prompt = messages[-1]["content"]
        if "prompt" not in body or not body.get("logprobs"):
            return {}
        shown = (prompt if body.get("echo") else "") + (text if body.get("max_tokens") else "")
        words = shown.split(" ")
        tokens = [words[0], *(f" {word}" for word in words[1:])]
        chance = random.Random(prompt)
        middle = -1.1 if prompt in MEMBERS else -2.0
        numbers = [chance.gauss(middle, 0.8) for _ in tokens]
        if body.get("echo"):
            numbers[0] = None
        return {
            "text": shown,
            "logprobs": {"tokens": tokens, "token_logprobs": numbers, "top_logprobs": None, "text_offset": []},
        }


if __name__ == "__main__":
    fast.main(Echo, membership=data.written(data.passages()))
