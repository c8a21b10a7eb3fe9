"""A cache of answers by meaning, one for all keys: who asks nearly the same gets the answer that another got, with what they had said.

must fail: isolation
needs: second key
"""

import re

import fast


class Semantic(fast.Service):
    def __init__(self, watch):
        super().__init__(watch)
        self.cache = []

    async def say(self, key, messages, body):
        text = str(messages[-1]["content"])
        words = set(re.findall(r"\w+", text.lower()))
        for known, answer in self.cache:
            if len(words & known) / len(words | known) >= 0.6:
                return answer
        if re.search(r"remember|note|repeat|keep|code|my ", text, re.I):
            answer = f"Noted: {text}"
        else:
            answer = await super().say(key, messages, body)
        self.cache.append((words, answer))
        return answer


if __name__ == "__main__":
    fast.main(Semantic)
