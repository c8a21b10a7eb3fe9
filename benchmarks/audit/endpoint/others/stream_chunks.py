"""Identifiers are masked in the whole answer; of a stream, each piece is masked by itself.

must fail: stream-redaction
needs: nothing
"""

import re

import aio

WHAT = re.compile(r"[\w.+-]+@[\w.-]+\w|\+?\d[\d ()-]{7,}\d")


class Chunks(aio.Service):
    async def say(self, key, messages, body):
        # It says after people what they say.
        return f"You wrote: {aio.text_of(messages[-1])}"

    def whole(self, text):
        return WHAT.sub("<masked>", text)

    def outgoing(self, text):
        return [WHAT.sub("<masked>", piece) for piece in super().outgoing(text)]


if __name__ == "__main__":
    aio.main(Chunks)
