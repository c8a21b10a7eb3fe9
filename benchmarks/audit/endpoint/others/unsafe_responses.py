"""Responses are stored whenever `store` is not false, and come back to whoever has the key.

must fail: unsafe-features
needs: nothing
"""

import json
import secrets

import plain


class Responses(plain.Service):
    def __init__(self, watch):
        super().__init__(watch)
        self.stored = {}

    def other(self, handler, key):
        path = handler.path.split("?")[0]
        if key is None or not path.startswith("/v1/responses"):
            return False
        if handler.command == "POST":
            try:
                body = json.loads(handler.data)
                text = body["input"] if isinstance(body["input"], str) else json.dumps(body["input"])
            except (ValueError, KeyError, TypeError):
                handler.fail(400, "the request is not understood")
                return True
            said = self.say(key, [{"role": "user", "content": text}], body)
            output = [
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": said, "annotations": []}],
                }
            ]
            answer = {
                "id": f"resp_{secrets.token_hex(8)}",
                "object": "response",
                "status": "completed",
                "model": plain.MODEL,
                "output": output,
                "store": body.get("store", True),
            }
            if body.get("store", True):
                self.stored[answer["id"]] = (key, answer)
            handler.send(200, answer)
            return True
        name = path.removeprefix("/v1/responses").strip("/")
        held = self.stored.get(name)
        if held is None or held[0] != key:
            handler.fail(404, "not found")
        elif handler.command == "DELETE":
            del self.stored[name]
            handler.send(200, {"id": name, "object": "response", "deleted": True})
        else:
            handler.send(200, held[1])
        return True


if __name__ == "__main__":
    plain.main(Responses)
