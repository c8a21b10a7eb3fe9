"""Whole answers are kept for all keys: what anybody asked before is answered at once.

must fail: cache-timing
needs: second key
"""

import asyncio

import aio


class Answers(aio.Service):
    def __init__(self, watch):
        super().__init__(watch)
        self.kept = {}

    async def say(self, key, messages, body):
        asked = str(messages)
        if asked not in self.kept:
            await asyncio.sleep(0.08)
            self.kept[asked] = await super().say(key, messages, body)
        return self.kept[asked]


if __name__ == "__main__":
    aio.main(Answers)
