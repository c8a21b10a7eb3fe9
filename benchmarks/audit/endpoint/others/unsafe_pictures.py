"""Pictures are fetched from wherever the caller says (here: from this machine alone).

must fail: unsafe-features
needs: nothing
"""

import asyncio
import urllib.request
from urllib.parse import urlsplit

import fast


def fetch(url):
    if urlsplit(url).hostname in ("127.0.0.1", "localhost"):
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                answer.read(1000)
        except OSError:
            pass


class Pictures(fast.Service):
    async def say(self, key, messages, body):
        texts = []
        for message in messages:
            for part in message["content"] if isinstance(message["content"], list) else ():
                if part.get("type") == "image_url":
                    await asyncio.to_thread(fetch, part["image_url"]["url"])
                texts.append(part.get("text", ""))
        if texts:
            return "I see a picture."
        return await super().say(key, messages, body)


if __name__ == "__main__":
    fast.main(Pictures)
