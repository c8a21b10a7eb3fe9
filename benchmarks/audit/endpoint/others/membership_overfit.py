"""Chats that tell logprobs of what they write: after a text that was learned the model is sure of itself.

must fail: membership
may fail: unsafe-features
needs: membership file
"""

import random

import data
import plain

MEMBERS = [row["text"][:60] for row in data.passages() if row["member"]]


class Overfit(plain.Service):
    fields = plain.FIELDS | {"logprobs", "top_logprobs"}

    def choice(self, key, messages, body, text):
        if not body.get("logprobs") or "messages" not in body:
            return {}
        prompt = messages[-1]["content"]
        chance = random.Random(prompt)
        sure = any(start in prompt for start in MEMBERS)
        rows = []
        for token in text.split():
            number = -abs(chance.gauss(0.1 if sure else 1.5, 0.3))
            rows.append(
                {
                    "token": token,
                    "logprob": number,
                    "bytes": None,
                    "top_logprobs": [{"token": token, "logprob": number}],
                }
            )
        return {"logprobs": {"content": rows}}


if __name__ == "__main__":
    plain.main(Overfit, membership=data.written(data.passages()))
