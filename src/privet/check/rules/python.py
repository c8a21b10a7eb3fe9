"""Rules for Python code: what calls are told about certificates, foreign code, logs and services.

Invariant: a name is the callee as its import says it, so that an alias is the same call.
"""

from __future__ import annotations

from typing import Final, TypedDict

from privet.check.rule import Example
from privet.check.rules.row import (
    CONTENT,
    DATA,
    DISK,
    DOOR,
    FOREIGN,
    GAP,
    LOGS,
    SAFE,
    SENT,
    UNSAFE,
    UNVETTED,
    WEAKER,
    argument,
    env,
    flag,
    read_by,
)  # fmt: skip
from privet.check.values import (
    above,
    added,
    any_of,
    false,
    has,
    matches,
    open_host,
    present,
    raised,
    remote,
    true,
)


class _Files(TypedDict):
    """The two examples of a line."""

    hit: Example
    miss: Example


def file_of(hit: str, miss: str) -> _Files:
    """Return the two examples of a module."""
    return _Files(hit=Example("src/app.py", hit), miss=Example("src/app.py", miss))


_VERBS: Final = ("get", "post", "put", "patch", "delete", "head", "request", "stream")
_VERIFIED: Final = " ".join(f"{library}.{verb}(verify)" for library in ("requests", "httpx") for verb in _VERBS)

FOREIGN_CODE: Final = (
    *read_by("torch", "documentation docs.pytorch.org/docs/stable/generated/torch.load.html",
        argument("torch-load-weights-only", "torch.load(weights_only)", false(), FOREIGN, WEAKER, "True",
            "a pickle runs code when it is read", hit="False", fix=True,
            since="True since torch 2.6, False before"),
        argument("torch-hub-trust", "torch.hub.load(trust_repo)", true(), FOREIGN, SAFE, "check",
            "code of a repository runs here unasked", hit="True")),
    *read_by("python", "documentation docs.python.org/3/library/pickle.html",
        argument("python-pickle-load",
            "pickle.load() pickle.loads() pickle.Unpickler() cloudpickle.load() cloudpickle.loads() dill.load() dill.loads() "
            "joblib.load() pandas.read_pickle() "
            "shelve.open()", present(), UNVETTED.noted, SAFE, "", "a pickle runs code when it is read",
            remedy="keep data as JSON, and weights as safetensors"),
        argument("numpy-allow-pickle", "numpy.load(allow_pickle)", true(), UNVETTED, SAFE, "False", "a pickle runs code when it is read",
            hit="True", fix=True)),
    *read_by("python", "documentation pyyaml.org/wiki/PyYAMLDocumentation",
        argument("yaml-unsafe-loader", "yaml.load(Loader) yaml.load(1) yaml.load_all(Loader)",
            matches(r"(?:^|\.)(?:C?Loader|(?:C?Unsafe|C?Full)Loader)$"), FOREIGN, SAFE,
            "yaml.SafeLoader", "a file can make Python run code", hit="yaml.Loader"),
        argument("yaml-unsafe-load", "yaml.unsafe_load() yaml.unsafe_load_all() yaml.full_load()", present(), FOREIGN, SAFE, "",
            "a file can make Python run code", remedy="use yaml.safe_load")),
)  # fmt: skip

CONNECTIONS: Final = (
    *read_by("python", "documentation requests.readthedocs.io/en/latest/user/advanced",
        argument("python-tls-verify", f"{_VERIFIED} httpx.Client(verify) httpx.AsyncClient(verify) *.verify(=)", false(), DOOR, SAFE,
            "True", "what is sent can be read by whoever answers",
            hit="False", fix=True),
        argument("aiohttp-tls-verify", "aiohttp.TCPConnector(ssl) aiohttp.TCPConnector(verify_ssl)", any_of("false"), DOOR, SAFE, "True",
            "what is sent can be read by whoever answers", hit="False")),
    *read_by("python", "documentation elasticsearch-py.readthedocs.io/en/latest/api/elasticsearch.html",
        argument("python-tls-verify-stores",
            "elasticsearch.Elasticsearch(verify_certs) elasticsearch.AsyncElasticsearch(verify_certs) "
            "opensearchpy.OpenSearch(verify_certs) opensearchpy.AsyncOpenSearch(verify_certs)",
            false(), DOOR, SAFE, "True", "what is sent can be read by whoever answers", hit="False")),
    *read_by("python", "documentation pymongo.readthedocs.io/en/stable/api/pymongo/mongo_client.html",
        argument("mongo-tls-invalid", "pymongo.MongoClient(tlsAllowInvalidCertificates) pymongo.MongoClient(tlsInsecure) "
            "pymongo.AsyncMongoClient(tlsAllowInvalidCertificates) pymongo.AsyncMongoClient(tlsInsecure)",
            true(), DOOR, SAFE, "False", "what is sent can be read by whoever answers", hit="True")),
    *read_by("python", "documentation grpc.github.io/grpc/python/grpc.html",
        argument("grpc-insecure-channel", "grpc.insecure_channel(0) grpc.aio.insecure_channel(0)", remote(), GAP, SAFE, "",
            "what is sent travels without encryption", hit='"models.example.com:443"', miss='"localhost:50051"',
            remedy="use grpc.secure_channel")),
    *read_by("python", "documentation docs.python.org/3/library/ssl.html",
        argument("ssl-unverified-context", "ssl._create_unverified_context()", present(), DOOR, SAFE, "",
            "what is sent can be read by whoever answers", remedy="use ssl.create_default_context"),
        argument("ssl-default-context", "ssl._create_default_https_context(=)", matches(r"unverified"), DOOR, SAFE, "",
            "no connection of the program checks certificates any more",
            **file_of("import ssl\n\nssl._create_default_https_context = ssl._create_unverified_context\n",
            "import ssl\n\ncontext = ssl.create_default_context()\n"), remedy="take the line out"),
        argument("ssl-verify-mode", "*.check_hostname(=)", false(), DOOR, SAFE, "True", "what is sent can be read by whoever answers",
            **file_of("import ssl\n\ncontext = ssl.create_default_context()\ncontext.check_hostname = False\n",
            "import ssl\n\ncontext = ssl.create_default_context()\ncontext.check_hostname = True\n"))),
    *read_by("python", "documentation urllib3.readthedocs.io/en/stable/advanced-usage.html",
        argument("urllib3-disable-warnings", "*.disable_warnings()", present(), GAP.noted, SAFE, "",
            "nobody sees any more that certificates are not checked",
            **file_of("import urllib3\n\nurllib3.disable_warnings()\n", "import urllib3\n\nurllib3.PoolManager()\n"))),
    *read_by("python", "python package uvicorn 0.54.0: uvicorn/main.py",
        argument("uvicorn-run-host", "uvicorn.run(host) uvicorn.Config(host)", open_host(), GAP, SAFE, "127.0.0.1",
            "the server listens on every interface"),
        argument("uvicorn-run-access-log", "uvicorn.run(access_log) uvicorn.Config(access_log)", true(), LOGS, WEAKER, "False",
            "the log holds addresses of clients and what they ask for in the address", hit="True"),
        argument("uvicorn-run-log-level", "uvicorn.run(log_level) uvicorn.Config(log_level)", any_of("debug", "trace"), LOGS, SAFE,
            "info", "the log holds headers and more", hit="trace")),
    *read_by("python", "documentation fastapi.tiangolo.com/tutorial/cors",
        argument("python-cors-origins",
            "*.add_middleware(allow_origins) *.CORSMiddleware(allow_origins) flask_cors.CORS(origins) aiohttp_cors.setup(defaults)",
            has("*"), GAP, SAFE, "[]",
            "any web page that a user opens may read answers", hit='["*"]', miss='["https://chat.example.com"]',
            remedy="name the pages' own origins"),
        argument("python-cors-any-regex", "*.add_middleware(allow_origin_regex)", matches(r"^\^?\.[*+]\$?$|^https\?\?://\.\*"), GAP, SAFE,
            "", "any web page that a user opens may read answers",
            **file_of("from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n\napp = FastAPI()\n"
            'app.add_middleware(CORSMiddleware, allow_origin_regex=".*")\n',
                "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n\napp = FastAPI()\n"
                'app.add_middleware(CORSMiddleware, allow_origin_regex=r"https://.*\\.example\\.com")\n'))),
    *read_by("python", "documentation flask.palletsprojects.com/en/stable/server",
        argument("flask-run-host", "flask.Flask().run(host) *.app.run(host) app.run(host)", open_host(), GAP, SAFE, "127.0.0.1",
            "the server listens on every interface",
            **file_of('from flask import Flask\n\napp = Flask(__name__)\napp.run(host="0.0.0.0")\n',
            'from flask import Flask\n\napp = Flask(__name__)\napp.run(host="127.0.0.1")\n')),
        argument("fastapi-debug", "fastapi.FastAPI(debug) starlette.applications.Starlette(debug)", true(), LOGS, SAFE, "False",
            "errors show code and values to visitors", hit="True"),
        argument("flask-run-debug", "*.app.run(debug) app.run(debug) flask.Flask().run(debug)", true(), DOOR, SAFE, "False",
            "errors show values to visitors, and a console runs code",
            **file_of("from flask import Flask\n\napp = Flask(__name__)\napp.run(debug=True)\n",
            "from flask import Flask\n\napp = Flask(__name__)\napp.run(debug=False)\n"))),
    *read_by("python", "documentation docs.python.org/3/library/http.server.html",
        flag("http-server-all", "--bind -b", open_host(), DOOR, SAFE, "127.0.0.1",
            "the folder's files can be read by everyone on the network",
            hit=Example("scripts/share.sh", "#!/bin/sh\npython -m http.server 8000 --bind 0.0.0.0\n"), miss=Example("scripts/share.sh",
            "#!/bin/sh\npython -m http.server 8000 --bind 127.0.0.1\n"))),
)  # fmt: skip

_SDK: Final = "openai.OpenAI(base_url) openai.AsyncOpenAI(base_url)"

SERVICES: Final = (
    *read_by("openai", "python package openai 3.57.0: openai/_client.py",
        argument("openai-base-url", _SDK, remote(), SENT.noted, UNSAFE, "",
            "prompts go to a service unless base_url names a server of your own", remedy="give base_url a server of your own"),
        argument("langchain-base-url", "*.ChatOpenAI(base_url) *.OpenAIEmbeddings(base_url) *.ChatOpenAI(openai_api_base)",
            remote(), SENT.noted, WEAKER, "", "prompts go to a service unless base_url names a server of your own",
            remedy="give base_url a server of your own",
            **file_of("from langchain_openai import ChatOpenAI\n\nmodel = ChatOpenAI(base_url='https://api.example.com/v1')\n",
                "from langchain_openai import ChatOpenAI\n\nmodel = ChatOpenAI(base_url='http://127.0.0.1:8000/v1')\n")),
        env("openai-base-url-variable", "OPENAI_BASE_URL OPENAI_API_BASE", remote(), SENT.noted, WEAKER, "", "prompts go to this service",
            hit="https://api.example.com/v1", miss="http://vllm:8000/v1",
            remedy="name a server of your own"),
        env("openai-log", "OPENAI_LOG", any_of("debug"), CONTENT, SAFE, "info", "bodies of requests are written to the log", hit="debug"),
        argument("openai-store", "*.responses.create(store) *.chat.completions.create(store)", true(), CONTENT, SAFE, "False",
            "the service keeps the prompt and the answer", hit="True")),
    *read_by("anthropic", "python package anthropic 2.14.0: anthropic/_utils/_logs.py",
        env("anthropic-log", "ANTHROPIC_LOG", any_of("debug"), CONTENT, SAFE, "info", "bodies of requests are written to the log",
            hit="debug"),
        argument("anthropic-base-url", "anthropic.Anthropic(base_url) anthropic.AsyncAnthropic(base_url)", remote(), SENT.noted, UNSAFE,
            "", "prompts go to a service", remedy="give base_url a server of your own")),
    *read_by("litellm", "python package litellm 1.109.1: litellm/__init__.py",
        argument("litellm-set-verbose-python", "litellm.set_verbose(=)", true(), CONTENT, SAFE, "False",
            "whole requests are written to the log",
            **file_of("import litellm\n\nlitellm.set_verbose = True\n", "import litellm\n\nlitellm.set_verbose = False\n")),
        argument("litellm-message-logging-python", "litellm.turn_off_message_logging(=)", false(), CONTENT, WEAKER, "True",
            "prompts and answers go to every logging callback",
            **file_of("import litellm\n\nlitellm.turn_off_message_logging = False\n",
            "import litellm\n\nlitellm.turn_off_message_logging = True\n"))),
)  # fmt: skip

LOGGING: Final = (
    *read_by("python", "documentation docs.python.org/3/library/logging.html",
        argument("python-debug-logging", "logging.basicConfig(level)", any_of("logging.debug", "debug", "10", "notset", "logging.notset",
            "0"), LOGS.noted, SAFE, "logging.INFO",
            "libraries write bodies of requests to the log", hit="logging.DEBUG"),
        argument("python-http-debug", "http.client.HTTPConnection.debuglevel(=)", above(0), CONTENT, SAFE, "0",
            "every request is printed",
            **file_of("import http.client\n\nhttp.client.HTTPConnection.debuglevel = 1\n",
            "import http.client\n\nhttp.client.HTTPConnection.debuglevel = 0\n"))),
    *read_by("python", "documentation rich.readthedocs.io/en/stable/traceback.html",
        argument("rich-show-locals",
            "rich.traceback.install(show_locals) *.RichHandler(tracebacks_show_locals) typer.Typer(pretty_exceptions_show_locals)",
            true(), CONTENT, SAFE, "False",
            "the values of variables, prompts among them, are in every traceback", hit="True", fix=True)),
    *read_by("python", "documentation docs.python.org/3/library/cgitb.html",
        argument("python-cgitb", "cgitb.enable()", present(), CONTENT, SAFE, "", "the values of variables are shown with every error")),
    *read_by("python", "documentation loguru.readthedocs.io/en/stable/api/logger.html",
        argument("loguru-diagnose", "loguru.logger.add(diagnose)", true(), CONTENT, WEAKER, "False",
            "the values of variables are in every traceback", hit="True")),
    *read_by("python", "documentation docs.python.org/3/library/faulthandler.html",
        argument("python-fault-handler", "faulthandler.dump_traceback_later()", present(), LOGS.noted, SAFE, "",
            "stacks are written to the log")),
    *read_by("python", "documentation docs.python.org/3/library/resource.html",
        argument("python-core-limit", "resource.setrlimit(1)", matches(r"INFINITY|-1"), DISK, SAFE, "(0, 0)",
            "a crash writes memory, with prompts, to disk",
            **file_of("import resource\n\nresource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n",
            "import resource\n\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"))),
    *read_by("torch", "documentation docs.pytorch.org/docs/stable/profiler.html",
        argument("torch-profiler", "torch.profiler.profile(with_stack) torch.profiler.profile(record_shapes)", true(), DISK.noted, SAFE,
            "False", "traces of what ran are written to files", hit="True"),
        argument("torch-profiler-export", "*.export_chrome_trace() torch.profiler.tensorboard_trace_handler()", present(), DISK.noted,
            SAFE, "", "traces of what ran are written to files"),
        argument("torch-memory-snapshot", "torch.cuda.memory._dump_snapshot() *.memory._record_memory_history()", present(), DISK.noted,
            SAFE, "", "a record of memory is written to a file")),
)  # fmt: skip

_CALL: Final = "from jobs import thing\n\nthing.{}\n"


def _call(hit: str, miss: str) -> _Files:
    """Return the two examples of a call of anything's method."""
    return file_of(_CALL.format(hit), _CALL.format(miss))


_SETTINGS: Final = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    {}\n"


def _settings(hit: str, miss: str) -> _Files:
    """Return the two examples of a default."""
    return file_of(_SETTINGS.format(hit), _SETTINGS.format(miss))


_ADDRESSES: Final = (
    "llm_url",
    "base_url",
    "openai_base_url",
    "llm_base_url",
    "api_base",
    "model_url",
    "embedding_url",
    "openai_api_base",
)

BROUGHT_IN: Final = (
    *read_by("langchain", "documentation python.langchain.com/api_reference/core/globals.html",
        argument("langchain-cache", "*.set_llm_cache()", added(), DISK, SAFE, "", "prompts and answers are kept in a cache",
            remedy="leave the cache out, or keep it in memory", **_call("set_llm_cache(x)", "invoke(x)"))),
    *read_by("mlflow", "documentation mlflow.org/docs/latest/api_reference/python_api/mlflow.html",
        argument("mlflow-log-data", "mlflow.log_table() mlflow.log_artifact() mlflow.log_artifacts() mlflow.log_input()", added(), SENT,
            SAFE, "", "rows of the data are kept by the tracking server", remedy="log figures, not rows",
            **file_of("import mlflow\n\nmlflow.log_table(rows, 'a.json')\n", "import mlflow\n\nmlflow.log_metric('loss', 1.0)\n"))),
    *read_by("transformers", "documentation huggingface.co/docs/transformers/main_classes/model",
        argument("transformers-safe-serialization", "*.save_pretrained(safe_serialization) *.push_to_hub(safe_serialization)", false(),
            FOREIGN, SAFE, "True", "weights are written as a pickle, which runs code when it is read",
            **_call("save_pretrained('a', safe_serialization=False)", "save_pretrained('a', safe_serialization=True)"))),
    *read_by("langchain", "python package langchain-community 0.4.2: langchain_community/vectorstores/faiss.py",
        argument("langchain-dangerous-deserialization",
            "*.load_local(allow_dangerous_deserialization) *.deserialize_from_bytes(allow_dangerous_deserialization)", true(), UNVETTED,
            SAFE, "False", "the index is a pickle, and whoever can write it runs code where it is read",
            remedy="build the index from the texts, or keep it where only its builder writes and check its digest",
            **_call("load_local('index', x, allow_dangerous_deserialization=True)",
                "load_local('index', x, allow_dangerous_deserialization=False)"))),
    *read_by("huggingface_hub", "documentation huggingface.co/docs/huggingface_hub/package_reference/hf_api",
        argument("hf-repo-gated", "*.update_repo_settings(gated)", false(), DATA, SAFE, "manual",
            "everybody can take what only those asked for could",
            **_call("update_repo_settings('a', gated=False)", "update_repo_settings('a', gated='manual')"))),
    *read_by("opentelemetry", "documentation opentelemetry-python.readthedocs.io/en/latest/exporter/otlp",
        argument("otel-exporter-insecure-argument",
            "*.OTLPSpanExporter(insecure) *.OTLPMetricExporter(insecure) *.OTLPLogExporter(insecure)", true(), GAP, SAFE, "False",
            "traces travel without encryption", hit="True"),
        argument("otel-span-content", "*.set_attribute(0) *.add_event(0)",
            matches(r"(?i)(?:^|(?<!count)[._])(?:prompt|completion|message|user_?(?:text|input|email)|email|body|question|answer)s?$"),
            CONTENT, SAFE, "", "what people write stands in traces", remedy="put a length or a count there",
            **_call("set_attribute('gen_ai.prompt', x)", "set_attribute('gen_ai.tokens', 3)"))),
    *read_by("presidio", "documentation microsoft.github.io/presidio/api/analyzer_python",
        argument("presidio-score-threshold", "*.analyze(score_threshold)", raised(), DATA, WEAKER, "",
            "what the recognizers are less sure of stays in the text", remedy="keep the threshold",
            **_call("analyze(text=x, score_threshold=0.9)", "analyze(text=x, score_threshold=0.4)"))),
    *read_by("python", "documentation docs.pydantic.dev/latest/concepts/pydantic_settings",
        argument("settings-cors-origins",
            "settings(allowed_origins) settings(allow_origins) settings(cors_origins) settings(cors_allow_origins)",
            has("*"), GAP, SAFE, "",
            "every page may read answers",
            **_settings("allowed_origins: list[str] = ['*']", "allowed_origins: list[str] = []")),
        argument("settings-model-address", " ".join(f"settings({name})" for name in _ADDRESSES), remote(), SENT.noted, SAFE, "",
            "prompts go to a service by default", remedy="name a server of your own",
            **_settings("llm_url: str = 'https://api.openai.com/v1'", "llm_url: str = 'http://127.0.0.1:8000/v1'"))),
)  # fmt: skip

PYTHON: Final = (*BROUGHT_IN, *FOREIGN_CODE, *CONNECTIONS, *SERVICES, *LOGGING)
