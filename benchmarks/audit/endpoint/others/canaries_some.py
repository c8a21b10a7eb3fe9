"""A model that half remembers: a secret comes out in half of the tries, in small letters, and with words around it.

must fail: training-canaries
needs: canaries file
"""

import random

import data
import plain

ROWS = {row["prompt"]: row["secret"] for row in data.canaries() if row["member"]}


class Some(plain.Service):
    def say(self, key, messages, body):
        for prompt, secret in ROWS.items():
            if prompt in messages[-1]["content"] and random.random() < 0.5:
                return f"I believe that it was {secret.lower()} at the time."
        return super().say(key, messages, body)


if __name__ == "__main__":
    plain.main(Some, canaries=data.written(data.canaries()))
