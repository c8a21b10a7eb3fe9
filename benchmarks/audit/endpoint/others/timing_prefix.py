"""A cache of prefixes that all keys share: a prompt that anybody began with comes faster.

must fail: cache-timing
needs: second key
"""

import asyncio

import wire


class Prefix(wire.Service):
    def __init__(self, watch):
        super().__init__(watch)
        self.known = set()

    async def think(self, key, messages):
        text = "".join(f"{each.get('role')}:{each.get('content')}" for each in messages)
        blocks = [text[:end] for end in range(32, len(text) + 1, 32)]
        missing = sum(block not in self.known for block in blocks)
        self.known.update(blocks)
        await asyncio.sleep(0.003 + 0.004 * missing)


if __name__ == "__main__":
    wire.main(Prefix)
