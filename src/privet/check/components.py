"""Which known program is at work: by container image, by the words that start it, by a Python import, by a variable's prefix.

Invariant: a name here is the `component` of rules. What is not known has no component, and only rules that need none look at it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from privet.check.pattern import regex

_IMAGES: Final = (
    ("vllm", r"(?:^|/)vllm(?:[/:@-]|$)|vllm-openai"),
    ("sglang", r"sglang"),
    ("tgi", r"text-generation-inference"),
    ("tei", r"text-embeddings-inference"),
    ("ollama", r"(?:^|/)ollama(?:[:@]|$)"),
    ("localai", r"localai|local-ai"),
    ("llama.cpp", r"llama[.-]?cpp|llama-server"),
    ("litellm", r"litellm"),
    ("open-webui", r"open-webui"),
    ("anythingllm", r"anythingllm"),
    ("flowise", r"flowise"),
    ("langflow", r"langflow"),
    ("qdrant", r"qdrant"),
    ("weaviate", r"weaviate"),
    ("chroma", r"chroma(?:db)?/|chromadb"),
    ("mlflow", r"mlflow"),
    ("triton", r"tritonserver"),
    ("ray", r"rayproject/|(?:^|/)ray(?:-ml|-llm)?[:@]"),
    ("langfuse-server", r"langfuse"),
    ("phoenix", r"arizephoenix|arize-phoenix|(?:^|/)phoenix[:@]"),
    ("streamlit", r"streamlit"),
    ("jupyter", r"jupyter|(?:^|/)notebook[:@]"),
    ("dify", r"langgenius/dify"),
    ("n8n", r"n8n"),
    ("milvus", r"milvus"),
    ("elasticsearch", r"elasticsearch|opensearch"),
    ("redis", r"(?:^|/)redis(?:-stack)?[:@]|(?:^|/)redis$"),
    ("postgres", r"(?:^|/)(?:postgres|pgvector)(?:[:@/]|$)"),
    ("mysql", r"(?:^|/)(?:mysql|mariadb)(?:[:@/]|$)"),
    ("mongo", r"(?:^|/)mongo(?:db)?(?:[:@/-]|$)"),
    ("opensearch", r"opensearch"),
    ("grafana", r"grafana/grafana"),
    ("tensorboard", r"tensorboard"),
    ("label-studio", r"label-studio"),
    ("minio", r"(?:^|/)minio[:@/]"),
    ("gpustack", r"gpustack"),
    ("lmcache", r"lmcache"),
    ("bentoml", r"bentoml"),
    ("prefect", r"prefecthq/"),
    ("dagster", r"dagster"),
    ("zenml", r"zenml"),
    ("clearml", r"clearml"),
    ("wandb", r"wandb/"),
    ("axolotl", r"axolotl"),
    ("unsloth", r"unsloth"),
    ("xinference", r"xinference"),
    ("lmdeploy", r"lmdeploy"),
    ("otel-collector", r"opentelemetry-collector|otel/"),
    ("traefik", r"(?:^|/)traefik(?:[:@]|$)"),
    ("oauth2-proxy", r"oauth2-proxy"),
)
_IMAGE: Final = tuple((name, regex(pattern, re.IGNORECASE)) for name, pattern in _IMAGES)

_PROGRAMS: Final = {
    "vllm": "vllm",
    "ollama": "ollama",
    "local-ai": "localai",
    "localai": "localai",
    "llama-server": "llama.cpp",
    "llama-cli": "llama.cpp",
    "text-generation-launcher": "tgi",
    "text-generation-server": "tgi",
    "text-embeddings-router": "tei",
    "litellm": "litellm",
    "open-webui": "open-webui",
    "flowise": "flowise",
    "langflow": "langflow",
    "langgraph": "langgraph-cli",
    "qdrant": "qdrant",
    "weaviate": "weaviate",
    "chroma": "chroma",
    "mlflow": "mlflow",
    "tritonserver": "triton",
    "ray": "ray",
    "streamlit": "streamlit",
    "gradio": "gradio",
    "jupyter": "jupyter",
    "jupyter-lab": "jupyter",
    "jupyter-notebook": "jupyter",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "uvicorn": "uvicorn",
    "gunicorn": "gunicorn",
    "hypercorn": "hypercorn",
    "axolotl": "axolotl",
    "lm_eval": "lm-eval",
    "lm-eval": "lm-eval",
    "lighteval": "lighteval",
    "llamafactory-cli": "llamafactory",
    "trl": "trl",
    "accelerate": "accelerate",
    "ramalama": "ramalama",
    "huggingface-cli": "huggingface_hub",
    "hf": "huggingface_hub",
    "phoenix": "phoenix",
    "prefect": "prefect",
    "dagster": "dagster",
    "zenml": "zenml",
    "bentoml": "bentoml",
    "crewai": "crewai",
    "dvc": "dvc",
    "redis-server": "redis",
    "mysqld": "mysql",
    "mariadbd": "mysql",
    "mongod": "mongo",
    "postgres": "postgres",
    "mc": "minio",
    "marimo": "marimo",
    "ulimit": "shell",
    "git": "git",
    "docker": "docker",
    "podman": "docker",
    "pip": "pip",
    "uv": "pip",
    "curl": "curl",
    "wget": "curl",
    "python": "python",
    "xinference": "xinference",
    "xinference-local": "xinference",
    "lmdeploy": "lmdeploy",
    "lmcache_server": "lmcache",
    "kserve": "kserve",
    "gpustack": "gpustack",
    "reflex": "reflex",
    "sky": "skypilot",
    "rasa": "rasa",
    "chainlit": "chainlit",
    "privet": "privet",
    "otelcol": "otel-collector",
    "traefik": "traefik",
    "oauth2-proxy": "oauth2-proxy",
}
_MODULES: Final = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llama_cpp": "llama.cpp",
    "litellm": "litellm",
    "mlflow": "mlflow",
    "axolotl": "axolotl",
    "lm_eval": "lm-eval",
    "lighteval": "lighteval",
    "streamlit": "streamlit",
    "uvicorn": "uvicorn",
    "http": "http.server",
    "torch": "torch",
    "ray": "ray",
    "lmdeploy": "lmdeploy",
    "trl": "trl",
    "open_webui": "open-webui",
    "jupyter": "jupyter",
    "notebook": "jupyter",
    "bentoml": "bentoml",
}
_SUBCOMMANDS: Final = {("python", "sglang"): "sglang", ("sglang", "serve"): "sglang"}
_LAUNCHERS: Final = frozenset(
    (
        "exec",
        "sudo",
        "nohup",
        "time",
        "nice",
        "setsid",
        "stdbuf",
        "tini",
        "dumb-init",
        "env",
        "command",
        "poetry",
        "pdm",
        "hatch",
        "uvx",
        "pipx",
    )
)
"""Words before the program that are not the program. `uv run`, `poetry run`, `conda run -n x` are seen through as well."""
_PLACERS: Final = frozenset(
    ("srun", "mpirun", "mpiexec", "timeout", "numactl", "taskset", "ionice", "chrt", "unshare", "setpriv", "runuser", "systemd-run",
     "apptainer", "singularity", "xvfb-run", "flock", "gosu", "su-exec", "conda", "micromamba", "aprun", "jsrun", "prun")
)  # fmt: skip
"""Words before the program that take options with values."""
_PYTHON: Final = regex(r"(?:python|pypy)(?:\d(?:\.\d+)?)?")
_MAX_OPTIONS: Final = 30
_PREFIXES: Final = (
    ("VLLM_", "vllm"), ("SGLANG_", "sglang"), ("OLLAMA_", "ollama"), ("LOCALAI_", "localai"), ("LLAMA_ARG_", "llama.cpp"),
    ("LITELLM_", "litellm"), ("WEBUI_", "open-webui"), ("FLOWISE_", "flowise"), ("LANGFLOW_", "langflow"), ("QDRANT__", "qdrant"),
    ("CHROMA_", "chroma"), ("MLFLOW_", "mlflow"), ("RAY_", "ray"), ("WANDB_", "wandb"), ("STREAMLIT_", "streamlit"), ("GRADIO_", "gradio"),
    ("LANGSMITH_", "langsmith"), ("LANGCHAIN_", "langsmith"), ("LANGFUSE_", "langfuse-sdk"), ("HF_", "huggingface_hub"),
    ("COMET_", "comet"),
    ("CLEARML_", "clearml"), ("NEPTUNE_", "neptune"), ("PREFECT_", "prefect"), ("PHOENIX_", "phoenix"), ("OPENINFERENCE_", "openinference"),
    ("TRACELOOP_", "openllmetry"), ("LMCACHE_", "lmcache"), ("UNSLOTH_", "unsloth"), ("DAGSTER_", "dagster"), ("ZENML_", "zenml"),
    ("CREWAI_", "crewai"), ("HAYSTACK_", "haystack"), ("DEEPEVAL_", "deepeval"), ("BENTOML_", "bentoml"), ("AXOLOTL_", "axolotl"),
)  # fmt: skip


_VLLM: Final = regex(r"(?:^|/)vllm(?:-openai)?:v?(\d+)\.(\d+)(?:\.|-|$)")
_QUIET_VLLM: Final = (0, 10)


def is_quiet_vllm(image: str) -> bool:
    """Tell whether an image is vLLM of a version that logs requests only when told to."""
    found = _VLLM.search(image)
    return found is not None and (int(found[1]), int(found[2])) >= _QUIET_VLLM


@lru_cache(maxsize=1024)
def of_image(image: str) -> frozenset[str]:
    """Return the components of a container image's name."""
    return frozenset(name for name, pattern in _IMAGE if pattern.search(image))


def of_variable(name: str) -> frozenset[str]:
    """Return the component that a variable's prefix tells."""
    return frozenset(component for prefix, component in _PREFIXES if name.startswith(prefix))


def of_module(name: str) -> frozenset[str]:
    """Return the component of a Python module that is run or imported; of others, its top-level name."""
    top = name.partition(".")[0]
    return frozenset((_MODULES.get(top, top),)) if top else frozenset()


def of_command(words: Sequence[str]) -> tuple[frozenset[str], int]:
    """Return the components that a command line starts, and the index of its first argument.

    Launchers, variables before the program and `python -m` are seen through: `sudo env A=b uv run python -m vllm.entrypoints…`.
    """
    index = 0
    while index < len(words):
        word = words[index].rsplit("/", 1)[-1]
        if (
            ("=" in word and word.partition("=")[0].isidentifier())
            or word in _LAUNCHERS
            or (
                index
                and word == "run"
                and words[index - 1].rsplit("/", 1)[-1] in {"uv", "poetry", "pdm", "hatch", "pipx"}
            )
        ):
            index += 1
        elif word in _PLACERS and (word not in {"conda", "micromamba"} or [*words[index + 1 : index + 2]] == ["run"]):
            index = _placed(words, index + 1)
        elif word == "uv" and index + 1 < len(words) and words[index + 1] == "run":
            index += 2
        elif word.startswith("-") and index:
            index += 1
        else:
            break
    if index >= len(words):
        return frozenset(), index
    program = words[index].rsplit("/", 1)[-1]
    if _PYTHON.fullmatch(program):
        return _python(words, index + 1)
    component = _PROGRAMS.get(program)
    found = {component} if component else set()
    if program in {"torchrun", "accelerate", "deepspeed"}:
        found.add("torch")
    return frozenset(found), index + 1


def _placed(words: Sequence[str], index: int) -> int:
    """Return where the program begins behind the options of what places it, of which some have a value of their own."""
    for number, word in enumerate(words[index : index + _MAX_OPTIONS], index):
        bare = word.rsplit("/", 1)[-1]
        if bare in _PROGRAMS or bare in {"torchrun", "deepspeed"} or _PYTHON.fullmatch(bare):
            return number
    return len(words)


def _python(words: Sequence[str], index: int) -> tuple[frozenset[str], int]:
    while index < len(words) and words[index].startswith("-"):
        if words[index] == "-m" and index + 1 < len(words):
            return of_module(words[index + 1]) | {"python"}, index + 2
        index += 2 if words[index] in {"-W", "-X", "-c"} else 1
    return frozenset({"python"}), min(index + 1, len(words))


def words_of(component: str) -> tuple[str, ...]:
    """Return the words of which one stands in a file that uses a component: its programs, modules and prefixes of variables."""
    names = {component, component.replace("-", "_"), component.replace("_", "-")}
    names |= {word for table in (_PROGRAMS, _MODULES) for word, name in table.items() if name == component}
    names |= {prefix for prefix, name in _PREFIXES if name == component}
    return tuple(sorted(names))
