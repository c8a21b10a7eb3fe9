"""A trace of the wire: every message stands in a file, in hexadecimal digits.

must fail: persistence
needs: watch dir
"""

import aio


class Hex(aio.Service):
    async def say(self, key, messages, body):
        with (self.watch / "wire.trace").open("a") as file:
            for message in messages:
                file.write(f"> {aio.text_of(message).encode().hex()}\n")
        return await super().say(key, messages, body)


if __name__ == "__main__":
    aio.main(Hex)
