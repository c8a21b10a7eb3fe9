"""Identifiers are masked everywhere but in the arguments of tools that are streamed.

must fail: stream-redaction
needs: nothing
"""

import json
import re

import wire

WHAT = re.compile(r"[\w.+-]+@[\w.-]+\w|\+?\d[\d ()-]{7,}\d")


class Tools(wire.Service):
    def say(self, key, messages, body):
        return WHAT.sub("***", f"I read: {messages[-1].get('content')}")

    def call(self, body, text, streamed):
        tools = body.get("tools")
        if not tools or body.get("tool_choice") == "none":
            return None
        function = tools[0].get("function", {})
        said = str(body["messages"][-1].get("content"))
        names = list((function.get("parameters") or {}).get("properties") or {}) or ["input"]
        return str(function.get("name")), json.dumps(
            {name: said if streamed else WHAT.sub("***", said) for name in names}
        )


if __name__ == "__main__":
    wire.main(Tools)
