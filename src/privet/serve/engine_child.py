"""The process that holds the embedded model: it closes itself in, then serves llama.cpp on one Unix socket.

Run as a script by `privet.serve.engine`: it imports nothing but the standard library and xllamacpp.

What holds before the first byte of the model is read:

- what it may say is one JSON line on what was its standard output; both outputs lead to /dev/null;
- it cannot write to a file (RLIMIT_FSIZE 0), leaves no core (RLIMIT_CORE 0), its own user cannot trace it;
- it has no network where the kernel grants an empty network namespace; the line says whether it does;
- it ends when its standard input does or when its parent process dies, and takes its socket with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000


def close_in(parent_pid: int) -> bool:
    """Give up what a model does not need; return whether the network is gone too.

    Must run while the process has one thread: the kernel refuses a new user namespace otherwise.
    """
    os.umask(0o077)
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    network_closed = libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    # After unshare, which resets both this and the dumpable flag. SIGHUP kills until `main` takes it over.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent_pid:
        raise SystemExit
    return bool(network_closed)


def leave(socket_path: Path) -> None:
    """Remove the socket with its directory and end at once, whatever llama.cpp's threads are doing."""
    socket_path.unlink(missing_ok=True)
    try:
        socket_path.parent.rmdir()
    finally:
        os._exit(0)


def serve(config: dict[str, Any]) -> Any:
    """Load the model and answer on the socket; return the running server, which must be kept alive."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    # By its bare name, so that llama.cpp has no path to tell.
    os.chdir(config["directory"])
    params.model.path = config["file"]
    params.model_alias = {config["alias"]}
    # llama.cpp takes a host name that ends in .sock for a Unix socket.
    params.hostnames = [config["socket"]]
    params.api_keys = [config["key"]]
    params.n_parallel = config["parallel"]
    params.n_ctx = config["context_tokens"]
    params.kv_unified = True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config["threads"]
    params.n_threads_http = config["http_threads"]
    params.use_jinja = True
    params.chat_template = config["chat_template"]
    if config["embeddings"]:
        params.embedding = True
        params.n_batch = params.n_ubatch = config["batch_tokens"]
        if config["pool_mean"]:
            params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    _keep_nothing(params)
    return xllamacpp.Server(params)


def _keep_nothing(params: Any) -> None:
    """Switch off whatever remembers, shows or fetches; defaults are stated too, so that none can drift."""
    params.offline = True
    params.verbosity = -1
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.ui = params.ui_mcp_proxy = False
    params.server_tools = []
    params.mcp_servers_config = params.mcp_servers_json = ""
    params.path_prompts_log_dir = params.slot_save_path = params.path_prompt_cache = ""
    params.media_path = params.public_path = ""
    params.cors_origins = "http://privet.invalid"
    params.cors_credentials = False
    # One request's prompt must not show in the next one's time or cached-token count.
    params.cache_prompt = params.cache_idle_slots = False
    params.cache_ram_mib = params.n_cache_reuse = params.n_ctx_checkpoints = 0
    params.slot_prompt_similarity = 0.0
    params.sse_ping_interval = -1


def main() -> None:
    """Read the configuration from the first line of standard input and serve until the input ends."""
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)
    config = json.loads(sys.stdin.readline())
    network_closed = close_in(config["parent_pid"])
    sys.path[:] = config["import_path"]
    answer: dict[str, object] = {"ready": True, "network_closed": network_closed}
    running = None
    try:
        running = serve(config)
    except ImportError:
        answer = {"ready": False, "reason": "missing"}
    except Exception:
        answer = {"ready": False, "reason": "model"}
    socket_path = Path(config["socket"])
    signal.signal(signal.SIGTERM, lambda *_: leave(socket_path))
    # The kernel also sends it when only the *thread* that started us has ended.
    parent_pid = config["parent_pid"]
    signal.signal(signal.SIGHUP, lambda *_: None if os.getppid() == parent_pid else leave(socket_path))
    with said:
        said.write(json.dumps(answer) + "\n")
    sys.stdin.read()
    leave(socket_path)
    del running


if __name__ == "__main__":
    main()
