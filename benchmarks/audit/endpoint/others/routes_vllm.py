"""The key guards /v1 alone; metrics, the tokenizer, the load and the version are open, as in vLLM.

must fail: exposed-routes
needs: nothing
"""

import json

import fast


class Vllm(fast.Service):
    async def other(self, method, path, key, body, headers):
        if path == "/metrics" and method == "GET":
            return (
                200,
                '# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name="acme/assistant-7b"} 0.0\n',
            )
        if path == "/version" and method == "GET":
            return 200, {"version": "0.8.4"}
        if path == "/load" and method == "GET":
            return 200, {"server_load": 0}
        if path == "/tokenize" and method == "POST":
            try:
                text = str(json.loads(body).get("prompt"))
            except (ValueError, AttributeError):
                return 400, {"detail": "bad request"}
            return 200, {"count": len(text.split()), "max_model_len": 4096, "tokens": list(range(len(text.split())))}
        return None


if __name__ == "__main__":
    fast.main(Vllm)
