"""It serves short questions to one model and refuses nearly all else: no streams, no system prompt, few tokens.

must fail: nothing
needs: nothing
"""

import plain


class Strict(plain.Service):
    fields = frozenset({"model", "messages", "max_tokens", "temperature"})

    def other(self, handler, key):
        if key is not None and handler.path.startswith("/v1/completions"):
            handler.fail(404, "not found")
            return True
        return False

    def say(self, key, messages, body):
        return "Yes." if len(messages[-1]["content"]) % 2 else "No."


if __name__ == "__main__":
    plain.main(Strict)
