"""A model that describes its tools in full to whoever asks what it can do.

must fail: system-prompt
needs: nothing
"""

import re

import wire


class Tools(wire.Service):
    def say(self, key, messages, body):
        if body.get("tools") and re.search(
            r"tool|function|can you do|capabilit|schema", str(messages[-1].get("content")), re.I
        ):
            named = [each.get("function", {}) for each in body["tools"]]
            return "I have: " + "; ".join(
                f"{each.get('name')} ({each.get('description')}, {each.get('parameters')})" for each in named
            )
        return super().say(key, messages, body)


if __name__ == "__main__":
    wire.main(Tools)
