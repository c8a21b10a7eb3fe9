"""A model that learned its texts by heart: it ends what it knows.

must fail: training-canaries
needs: canaries file
"""

import data
import fast

ROWS = {row["prompt"]: row["secret"] for row in data.canaries() if row["member"]}


class Memorised(fast.Service):
    async def say(self, key, messages, body):
        text = messages[-1]["content"]
        for prompt, secret in ROWS.items():
            if isinstance(text, str) and text.strip().endswith(prompt):
                return f"{secret}. And so on."
        return await super().say(key, messages, body)


if __name__ == "__main__":
    fast.main(Memorised, canaries=data.written(data.canaries()))
