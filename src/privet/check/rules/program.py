"""How programs are started and their libraries called: what the example files of the rules are made of."""

from __future__ import annotations

from typing import Final, NamedTuple


class Program(NamedTuple):
    """An image with a tag, a command line (`{}` where flags go that cannot stand at its end), and a config file with what tells it."""

    image: str
    command: str = ""
    config: str = "config.yaml"
    around: str = ""
    arguments: str = ""
    """What an image that has an entrypoint is given, where it is not what follows the program's first word."""


UNKNOWN: Final = Program("registry.example.com/team/app:1.4")

PROGRAMS: Final = {
    "vllm": Program("vllm/vllm-openai:v0.33.0", "vllm serve example/model", arguments="--model example/model"),
    "sglang": Program("lmsysorg/sglang:v0.5.23", "python -m sglang.launch_server --model-path example/model",
        arguments="python3 -m sglang.launch_server --model-path example/model"),
    "tgi": Program("ghcr.io/huggingface/text-generation-inference:3.3.6", "text-generation-launcher --model-id example/model"),
    "tei": Program("ghcr.io/huggingface/text-embeddings-inference:1.8", "text-embeddings-router --model-id example/model"),
    "triton": Program("nvcr.io/nvidia/tritonserver:26.10-py3", "tritonserver --model-repository=/models",
        arguments="tritonserver --model-repository=/models"),
    "kserve": Program(UNKNOWN.image, "kserve agent --port 9081"),
    "production-stack": Program(UNKNOWN.image, config="helm/values.yaml", around="# values of the vLLM production stack\n"),
    "lmcache": Program("lmcache/vllm-openai:v0.5.6", "vllm serve example/model", config="lmcache.yaml",
        around="chunk_size: 256\nlocal_cpu: true\n"),
    "lmdeploy": Program("openmmlab/lmdeploy:v0.10.2", "lmdeploy serve api_server example/model",
        arguments="lmdeploy serve api_server example/model"),
    "xinference": Program("xprobe/xinference:v1.12.0", "xinference-local", arguments="xinference-local"),
    "ollama": Program("ollama/ollama:0.12.3", "ollama serve", arguments="serve"),
    "llama.cpp": Program("ghcr.io/ggml-org/llama.cpp:server-b6700", "llama-server -m model.gguf", arguments="-m model.gguf"),
    "localai": Program("localai/localai:v3.7.0", "local-ai run", arguments="run"),
    "ramalama": Program(UNKNOWN.image, "ramalama serve {} example"),
    "bentoml": Program(UNKNOWN.image, "bentoml serve service:Chat", config="bentoml_configuration.yaml"),
    "gpustack": Program("gpustack/gpustack:v2.3.0", "gpustack start"),
    "huggingface_hub": Program(UNKNOWN.image, "hf download example-org/model"),
    "transformers": Program(UNKNOWN.image, "python train.py", config="configs/train.yaml",
        around="model_name_or_path: example-org/model\noutput_dir: out\n"),
    "trl": Program(UNKNOWN.image, "trl sft --model_name_or_path example-org/model", config="configs/sft.yaml",
        around="model_name_or_path: example-org/model\ndataset_name: example-org/data\n"),
    "axolotl": Program(UNKNOWN.image, "axolotl train config.yaml", config="axolotl/config.yaml",
        around="base_model: example-org/model\nmicro_batch_size: 2\n"),
    "llamafactory": Program(UNKNOWN.image, "llamafactory-cli train config.yaml", config="llamafactory/config.yaml",
        around="model_name_or_path: example-org/model\nstage: sft\n"),
    "wandb": Program(UNKNOWN.image, "python train.py"),
    "mlflow": Program("ghcr.io/mlflow/mlflow:v3.18.0", "mlflow server --port 5000", arguments="mlflow server --port 5000"),
    "tensorboard": Program(UNKNOWN.image, "tensorboard --logdir runs"),
    "ray": Program("rayproject/ray:2.60.0", "ray start --head", arguments="ray start --head --block"),
    "langfuse-server": Program("langfuse/langfuse:3"),
    "phoenix": Program("arizephoenix/phoenix:version-12.3.0"),
    "litellm": Program("ghcr.io/berriai/litellm:v1.109.1", "litellm --config config.yaml", config="litellm/config.yaml",
        around="model_list: []\n", arguments="--config config.yaml"),
    "streamlit": Program(UNKNOWN.image, "streamlit run app.py"),
    "chainlit": Program(UNKNOWN.image, "chainlit run app.py"),
    "open-webui": Program("ghcr.io/open-webui/open-webui:v0.6.36"),
    "anythingllm": Program("mintplexlabs/anythingllm:1.9"),
    "flowise": Program("flowiseai/flowise:3.0.8"),
    "langflow": Program("langflowai/langflow:1.6.4"),
    "n8n": Program("n8nio/n8n:1.115.3"),
    "dify": Program("langgenius/dify-api:1.9.1"),
    "label-studio": Program("heartexlabs/label-studio:1.20.0"),
    "jupyter": Program(UNKNOWN.image, "jupyter lab --port 8899"),
    "marimo": Program(UNKNOWN.image, "marimo edit --port 2718"),
    "qdrant": Program("qdrant/qdrant:v1.15.5"),
    "weaviate": Program("cr.weaviate.io/semitechnologies/weaviate:1.33.0"),
    "chroma": Program("chromadb/chroma:1.1.1", "chroma run --path data"),
    "milvus": Program("milvusdb/milvus:v2.6.3", config="milvus.yaml", around="etcd:\n  rootPath: by-dev\n"),
    "redis": Program("redis:8.2", "redis-server --port 6379", arguments="redis-server --port 6379"),
    "postgres": Program("pgvector/pgvector:pg18"),
    "mysql": Program("mysql:9.4", "mysqld --port 3306", arguments="--port 3306"),
    "mongo": Program("mongo:8.2", "mongod --port 27017", arguments="--port 27017"),
    "minio": Program("minio/minio:RELEASE.2025-09-07T16-13-09Z"),
    "grafana": Program("grafana/grafana:12.2.0"),
    "opensearch": Program("opensearchproject/opensearch:3.3.0"),
    "traefik": Program("traefik:v3.5", "traefik --providers.docker=true", arguments="--providers.docker=true"),
    "oauth2-proxy": Program("quay.io/oauth2-proxy/oauth2-proxy:v7.12.0", "oauth2-proxy --provider=oidc", arguments="--provider=oidc"),
    "uvicorn": Program(UNKNOWN.image, "uvicorn app:app --port 8000"),
    "gunicorn": Program(UNKNOWN.image, "gunicorn app:app --workers 2"),
    "hypercorn": Program(UNKNOWN.image, "hypercorn app:app --workers 2"),
    "python": Program(UNKNOWN.image, "python train.py", config="configs/train.yaml", around="model_name_or_path: example-org/model\n"),
    "fastchat": Program(UNKNOWN.image, "python -m fastchat.serve.openai_api_server"),
}  # fmt: skip


def _model(rest: str) -> str:
    return f'from transformers import AutoModelForCausalLM\n\nmodel = AutoModelForCausalLM.from_pretrained("example-org/model")\n{rest}'


def _engine(method: str) -> str:
    return (
        "from opacus import PrivacyEngine\n\nfrom models import model\n\nengine = PrivacyEngine()\n"
        f"model = engine.{method}(module=model{{}})\n"
    )


CALLS: Final = {
    "transformers.TrainingArguments": 'from transformers import TrainingArguments\n\narguments = TrainingArguments(output_dir="out"{})\n',
    "trl.GRPOConfig": 'from trl import GRPOConfig\n\narguments = GRPOConfig(output_dir="out"{})\n',
    "*.AsyncEngineArgs": 'from vllm import AsyncEngineArgs\n\narguments = AsyncEngineArgs(model="example-org/model"{})\n',
    "*.from_pretrained": 'from transformers import AutoModel\n\nmodel = AutoModel.from_pretrained("example-org/model"{})\n',
    "huggingface_hub.create_repo": 'from huggingface_hub import HfApi\n\napi = HfApi()\napi.create_repo("example-org/model"{})\n',
    "*.upload_folder": 'from huggingface_hub import HfApi\n\napi = HfApi()\n'
    'api.upload_folder(repo_id="example-org/model", folder_path="out")\n',
    "*.push_to_hub": _model('model.push_to_hub("example-org/model"{})\n'),
    "*.WandbLogger": "from lightning.pytorch.loggers import WandbLogger\n\nlogger = WandbLogger({})\n",
    "datasets.load_dataset": 'from datasets import load_dataset\n\nrows = load_dataset("example-org/data"{})\n',
    "*.openai.autolog": "import mlflow\n\nmlflow.openai.autolog({})\n",
    "*.autolog": "import mlflow\n\nmlflow.sklearn.autolog({})\n",
    "*.log_model": 'import mlflow\n\nfrom models import batch, model\n\nmlflow.pyfunc.log_model(name="model", python_model=model{})\n',
    "clearml.Task.init": 'from clearml import Task\n\ntask = Task.init(project_name="example"{})\n',
    "prefect.flow": 'from prefect import flow\n\n\n@flow(name="nightly"{})\ndef nightly() -> None:\n    return None\n',
    "*.InstrumentationSettings": "from pydantic_ai.models.instrumented import InstrumentationSettings\n\n"
    "settings = InstrumentationSettings({})\n",
    "sentry_sdk.init": 'import sentry_sdk\n\nfrom cleaning import scrub_event\n\n'
    'sentry_sdk.init(dsn="https://public@sentry.internal/1"{})\n',
    "*.OpenAIIntegration": "from sentry_sdk.integrations.openai import OpenAIIntegration\n\nintegration = OpenAIIntegration({})\n",
    "*.OTLPSpanExporter": "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n\n"
    "exporter = OTLPSpanExporter({})\n",
    "*.Traceloop.init": 'from traceloop.sdk import Traceloop\n\nTraceloop.init(app_name="chat"{})\n',
    "*.TraceConfig": "from openinference.instrumentation import TraceConfig\n\nconfig = TraceConfig({})\n",
    "crewai.Crew": "from crewai import Crew\n\ncrew = Crew(agents=[], tasks=[]{})\n",
    "agno.agent.Agent": 'from agno.agent import Agent\n\nagent = Agent(name="helper"{})\n',
    "langfuse.Langfuse": "from langfuse import Langfuse\n\nfrom cleaning import mask_text\n\nclient = Langfuse({})\n",
    "*.launch": 'import gradio\n\nfrom pages import check_login\n\npage = gradio.Interface(fn=len, inputs="text", outputs="number")\n'
    'page.launch(server_port=7860{})\n',
    "gradio.Interface": 'import gradio\n\npage = gradio.Interface(fn=len, inputs="text", outputs="number"{})\n',
    "torch.load": 'import torch\n\nstate = torch.load("model.pt"{})\n',
    "torch.hub.load": 'import torch\n\nmodel = torch.hub.load("example-org/models", "small"{})\n',
    "pickle.load": 'import pickle\nfrom pathlib import Path\n\nwith Path("index.pkl").open("rb") as file:\n'
    '    index = pickle.load(file)\n',
    "numpy.load": 'import numpy\n\nrows = numpy.load("rows.npy"{})\n',
    "yaml.load": 'import yaml\nfrom pathlib import Path\n\nsettings = yaml.load(Path("settings.yaml").read_text(){})\n',
    "yaml.unsafe_load": 'import yaml\nfrom pathlib import Path\n\nsettings = yaml.unsafe_load(Path("settings.yaml").read_text())\n',
    "requests.get": 'import requests\n\nanswer = requests.get("https://models.example.com/list", timeout=9{})\n',
    "uvicorn.run": 'import uvicorn\n\nuvicorn.run("app:app", port=8000{})\n',
    "*.add_middleware": "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n\napp = FastAPI()\n"
    "app.add_middleware(CORSMiddleware{})\n",
    "*.responses.create": 'import openai\n\nclient = openai.OpenAI(base_url="http://localhost:8000/v1")\n'
    'client.responses.create(model="example", input="hello"{})\n',
    "loguru.logger.add": 'from loguru import logger\n\nlogger.add("app.log"{})\n',
    "*.export_chrome_trace": 'import torch\n\nwith torch.profiler.profile() as found:\n    pass\n'
    'found.export_chrome_trace("trace.json")\n',
    "*.make_private": _engine("make_private"),
    "*.make_private_with_epsilon": _engine("make_private_with_epsilon"),
    "wandb.init": 'import wandb\n\nrun = wandb.init(project="example"{})\n',
    "neptune.init_run": 'import neptune\n\nrun = neptune.init_run(project="example/one"{})\n',
    "logging.basicConfig": 'import logging\n\nlogging.basicConfig(format="%(message)s"{})\n',
    "ssl._create_unverified_context": "import ssl\n\ncontext = ssl._create_unverified_context()\n",
}  # fmt: skip
"""The text of a Python file by callee; `{}` is where another keyword goes. Callees that are not here need no other argument."""
