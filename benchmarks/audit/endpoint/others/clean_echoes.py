"""It says what it is told, and knows nothing else.

must fail: nothing
needs: nothing
"""

import fast


class Echoes(fast.Service):
    async def say(self, key, messages, body):
        content = messages[-1]["content"]
        return content if isinstance(content, str) else "I only read text."


if __name__ == "__main__":
    fast.main(Echoes)
