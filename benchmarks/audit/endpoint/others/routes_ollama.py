"""The key guards /v1; the engine's own API beside it is open, as in Ollama.

must fail: exposed-routes
needs: nothing
"""

import plain

MODEL = {
    "name": "tiny-chat:latest",
    "model": "tiny-chat:latest",
    "size": 1000,
    "digest": "sha256:00",
    "details": {"family": "llama"},
}
ROUTES = {
    "GET /api/tags": {"models": [MODEL]},
    "GET /api/ps": {"models": [MODEL]},
    "GET /api/version": {"version": "0.5.7"},
    "POST /api/show": {"modelfile": "FROM tiny-chat", "parameters": "stop x", "template": "{{ .Prompt }}"},
}


class Ollama(plain.Service):
    def other(self, handler, key):
        value = ROUTES.get(f"{handler.command} {handler.path}")
        if value is None:
            return False
        handler.send(200, value)
        return True


if __name__ == "__main__":
    plain.main(Ollama)
