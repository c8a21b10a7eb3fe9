"""Pairs of sides: a protection that moved, and one that was lost on the move or takes another shape."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, tree_of

Files = dict[str, str]

MOVED: dict[str, tuple[Files, Files]] = {
    "omegaconf": (
        {
            "train.py": (
                "from transformers import TrainingArguments\n\n"
                'args = TrainingArguments(output_dir="o", report_to="none")\n'
            )
        },
        {
            "train.py": (
                "from omegaconf import OmegaConf\nfrom transformers import TrainingArguments\n\n"
                'cfg = OmegaConf.load("conf/train.yaml")\nargs = TrainingArguments(**cfg.trainer)\n'
            ),
            "conf/train.yaml": "trainer:\n  output_dir: o\n  report_to: none\n",
        },
    ),
    "json-dp": (
        {
            "t.py": (
                "from opacus import PrivacyEngine\ne = PrivacyEngine()\n"
                "e.make_private(noise_multiplier=1.1, max_grad_norm=1.0)\n"
            )
        },
        {
            "t.py": (
                "import json\nfrom opacus import PrivacyEngine\ncfg = json.load(open('dp.json'))\ne = PrivacyEngine()\n"
                "e.make_private(noise_multiplier=cfg['noise_multiplier'], max_grad_norm=cfg['max_grad_norm'])\n"
            ),
            "dp.json": '{"noise_multiplier": 1.2, "max_grad_norm": 1.0}',
        },
    ),
    "argv-config": (
        {
            "t.py": (
                "from transformers import TrainingArguments\n\ndef main():\n"
                '    return TrainingArguments(output_dir="o", report_to="none")\n'
            )
        },
        {
            "t.py": (
                "import sys, yaml\nfrom transformers import TrainingArguments\n\ndef main(path):\n"
                "    with open(path) as fh:\n        cfg = yaml.safe_load(fh)\n"
                '    return TrainingArguments(**cfg["trainer"])\n\nmain(sys.argv[1])\n'
            ),
            "configs/sft.yaml": "trainer:\n  output_dir: o\n  report_to: none\n",
        },
    ),
    "polars-select": (
        {"p.py": 'import polars as pl\n\ndef t(df):\n    return df.drop(["email", "name"])\n'},
        {"p.py": 'import polars as pl\n\ndef t(df):\n    return df.select(["plan", "label"])\n'},
    ),
    "remove-to-select": (
        {"p.py": ('from datasets import load_dataset\n\ndef t(ds):\n    return ds.remove_columns(["email"])\n')},
        {
            "p.py": (
                'from datasets import load_dataset\n\ndef t(ds):\n    return ds.select_columns(["plan", "label"])\n'
            )
        },
    ),
    "wandb-mode": (
        {".env": "WANDB_MODE=disabled\n", "t.py": "import wandb\nwandb.init(project='x')\n"},
        {".env": "X=1\n", "t.py": "import wandb\nwandb.init(project='x', mode='disabled')\n"},
    ),
    "gradio-analytics": (
        {".env": "GRADIO_ANALYTICS_ENABLED=False\n", "t.py": "import gradio as gr\nd = gr.Blocks()\n"},
        {".env": "X=1\n", "t.py": "import gradio as gr\nd = gr.Blocks(analytics_enabled=False)\n"},
    ),
    "streamlit": (
        {".env": "STREAMLIT_BROWSER_GATHER_USAGE_STATS=false\n", "run.sh": "streamlit run app.py\n"},
        {
            ".env": "X=1\n",
            "run.sh": "streamlit run app.py\n",
            ".streamlit/config.toml": "[browser]\ngatherUsageStats = false\n",
        },
    ),
    "mask-moved": (
        {
            "rag/obs.py": (
                "from langfuse import Langfuse\n\ndef m(data, **_):\n    return data\n\nlangfuse = Langfuse(mask=m)\n"
            ),
            "app.py": "from rag.obs import langfuse\n\nlangfuse.flush()\n",
        },
        {
            "rag/tracing.py": (
                "from langfuse import Langfuse\n\ndef m(data, **_):\n    return data\n\nclient = Langfuse(mask=m)\n"
            ),
            "app.py": "from rag.tracing import client\n\nclient.flush()\n",
        },
    ),
    "dp-flag-default-on": (
        {"t.py": ("from opacus import PrivacyEngine\nPrivacyEngine().make_private(noise_multiplier=1.1)\n")},
        {
            "t.py": (
                "import argparse\nfrom opacus import PrivacyEngine\np = argparse.ArgumentParser()\n"
                "p.add_argument('--dp', action=argparse.BooleanOptionalAction, default=True)\nargs = p.parse_args()\n"
                "if args.dp:\n    PrivacyEngine().make_private(noise_multiplier=1.1)\n"
            )
        },
    ),
    "dp-key-present": (
        {
            "t.py": (
                "import yaml\nfrom opacus import PrivacyEngine\ncfg = yaml.safe_load(open('c.yaml'))\n"
                "PrivacyEngine().make_private(noise_multiplier=1.1)\n"
            ),
            "c.yaml": "a: 1\n",
        },
        {
            "t.py": (
                "import yaml\nfrom opacus import PrivacyEngine\ncfg = yaml.safe_load(open('c.yaml'))\n"
                "if cfg.get('dp'):\n    PrivacyEngine().make_private(noise_multiplier=cfg['dp']['noise'])\n"
            ),
            "c.yaml": "a: 1\ndp:\n  noise: 1.1\n",
        },
    ),
    "keyed-blake": (
        {"h.py": ("import hmac, hashlib\n\ndef p(x, key):\n    return hmac.new(key, x, hashlib.sha256).hexdigest()\n")},
        {"h.py": ("import hashlib\n\ndef p(x, key):\n    return hashlib.blake2b(x, key=key).hexdigest()\n")},
    ),
    "checksum-added": (
        {"h.py": ("import hmac, hashlib\n\ndef p(x, key):\n    return hmac.new(key, x, hashlib.sha256).hexdigest()\n")},
        {
            "h.py": (
                "import hmac, hashlib\n\ndef p(x, key):\n    return hmac.new(key, x, hashlib.sha256).hexdigest()\n\n"
                "def checksum(b):\n    return hashlib.sha256(b).hexdigest()\n"
            )
        },
    ),
    "hmac-moved": (
        {
            "h.py": (
                "import hmac, hashlib\n\ndef p(x, key):\n    return hmac.new(key, x, hashlib.sha256).hexdigest()\n\n"
                "def etag(b):\n    return hashlib.md5(b).hexdigest()\n"
            )
        },
        {
            "h.py": ("import hashlib\nfrom ids import p\n\ndef etag(b):\n    return hashlib.md5(b).hexdigest()\n"),
            "ids.py": (
                "import hmac, hashlib\n\ndef p(x, key):\n    return hmac.new(key, x, hashlib.sha256).hexdigest()\n"
            ),
        },
    ),
    "cohort-up": ({"c.yml": "vars:\n  min_cohort_size: 10\n"}, {"c.yml": "vars:\n  min_cohort_size: 20\n"}),
    "https": ({"c.yml": "endpoint: http://a.example.com\n"}, {"c.yml": "endpoint: https://a.example.com\n"}),
    "executor": (
        {"p.py": "import pandas as pd\n\ndef f(rows, pool):\n    for r in rows:\n        g(r)\n"},
        {"p.py": "import pandas as pd\n\ndef f(rows, pool):\n    pool.map(g, rows)\n"},
    ),
    "otel-metrics": (
        {
            "otel/c.yaml": (
                "receivers: {otlp: {}}\nprocessors: {redaction: {}, batch: {}}\nexporters: {otlp: {}}\nservice:\n"
                "  pipelines:\n    traces: {receivers: [otlp], processors: [redaction, batch], exporters: [otlp]}\n"
            )
        },
        {
            "otel/c.yaml": (
                "receivers: {otlp: {}}\nprocessors: {redaction: {}, batch: {}}\nexporters: {otlp: {}}\n"
                "connectors: {forward: {}}\nservice:\n  pipelines:\n"
                "    traces/in: {receivers: [otlp], processors: [batch], exporters: [forward]}\n"
                "    traces/out: {receivers: [forward], processors: [redaction, batch], exporters: [otlp]}\n"
                "    metrics: {receivers: [otlp], processors: [batch], exporters: [otlp]}\n"
            )
        },
    ),
    "gitlab-no-artifacts": (
        {".gitlab-ci.yml": "e:\n  script: [make]\n  artifacts:\n    access: developer\n    paths: [out]\n"},
        {".gitlab-ci.yml": "e:\n  script: [make]\n"},
    ),
    "hf-order": (
        {"r.sh": "hf upload a/b out . --private --repo-type dataset\n"},
        {"r.sh": "hf upload a/b out . \\\n  --repo-type dataset \\\n  --private\n"},
    ),
    "pipefail": (
        {
            ".github/workflows/d.yml": (
                "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: python tools/pii_gate.py data\n"
            )
        },
        {
            ".github/workflows/d.yml": (
                "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          set -o pipefail\n"
                "          python tools/pii_gate.py data | tee r.txt\n"
            )
        },
    ),
    "gate-renamed": (
        {
            ".github/workflows/d.yml": (
                "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: python tools/pii_gate.py data\n"
            )
        },
        {
            ".github/workflows/d.yml": (
                "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n"
                "      - run: python scripts/check_pii.py data\n"
            )
        },
    ),
    "two-calls-to-one": (
        {
            "l.py": (
                "from openai import OpenAI\nc = OpenAI(base_url='http://localhost:1/v1')\n\ndef a(x):\n"
                "    return c.responses.create(input=x, store=False)\n\ndef b(x):\n"
                "    return c.responses.create(input=x, store=False)\n"
            )
        },
        {
            "l.py": (
                "from openai import OpenAI\nc = OpenAI(base_url='http://localhost:1/v1')\n\nD = {'store': False}\n\n"
                "def _ask(x, **more):\n    return c.responses.create(input=x, **(D | more))\n\ndef a(x):\n"
                "    return _ask(x, temperature=0)\n"
            )
        },
    ),
    "redundant-offline": ({"a.env": "HF_HUB_OFFLINE=1\nHF_DATASETS_OFFLINE=1\n"}, {"a.env": "HF_HUB_OFFLINE=1\n"}),
    "usecols-arrow": (
        {
            "t.py": (
                "import pandas as pd\n\ndef t(p):\n    d = pd.read_parquet(p)\n"
                "    return d.drop(columns=['email','name'])\n"
            )
        },
        {"t.py": ("import pandas as pd\n\ndef t(p):\n    return pd.read_parquet(p, columns=['plan','label'])\n")},
    ),
    "select-const": (
        {
            "t.py": (
                "import pandas as pd\nPERSONAL = ['email','name']\n\ndef t(d):\n    return d.drop(columns=PERSONAL)\n"
            )
        },
        {"t.py": "import pandas as pd\nKEEP = ['plan','label']\n\ndef t(d):\n    return d[KEEP]\n"},
    ),
    "env-to-flag": (
        {"k.sh": ("export VLLM_NO_USAGE_STATS=1\nexport VLLM_API_KEY=$K\nvllm serve m --host 127.0.0.1\n")},
        {"k.sh": "export DO_NOT_TRACK=1\nvllm serve m --host 127.0.0.1 --api-key $K\n"},
    ),
    "drop-after-select": (
        {
            "t.py": (
                "import pandas as pd\n\ndef t(d):\n    return d[['plan','email','label']].drop(columns=['email'])\n"
            )
        },
        {"t.py": "import pandas as pd\n\ndef t(d):\n    return d[['plan','label']]\n"},
    ),
    "retention-shorter": (
        {"v.tf": 'variable "log_retention_days" {\n  default = 30\n}\n'},
        {"v.tf": 'variable "log_retention_days" {\n  default = 14\n}\n'},
    ),
    "scrub-setting-on": (
        {"s.py": "from clean import scrub\n\ndef go(x):\n    return send(scrub(x))\n"},
        {
            "s.py": (
                "from clean import scrub\n\nREDACT = True\n\ndef go(x):\n    if REDACT:\n        x = scrub(x)\n"
                "    return send(x)\n"
            )
        },
    ),
    "sql-policy-anew": (
        {"m/a.sql": "select 1"},
        {"m/a.sql": "select 1", "m/b.sql": "DROP POLICY p ON t;\nCREATE POLICY p ON t;\n"},
    ),
    "sql-way-back": (
        {"m/a.sql": "select 1"},
        {
            "m/a.sql": "select 1",
            "m/b.sql": "-- +goose Up\nCREATE POLICY p ON t;\n-- +goose Down\nDROP POLICY p ON t;\n",
        },
    ),
    "sql-surrogate-key": ({"m/a.sql": "select md5(id) from t"}, {"m/a.sql": "select id from t"}),
    "tensor-parallel": (
        {"r.sh": "python -m sglang.launch_server --model-path m --dp 1 --host 127.0.0.1\n"},
        {"r.sh": "python -m sglang.launch_server --model-path m --dp 2 --host 127.0.0.1\n"},
    ),
    "pool-of-processes": (
        {"p.py": "import pandas as pd\n"},
        {
            "p.py": (
                "import pandas as pd\nfrom multiprocessing import Pool\n\nwith Pool(4) as workers:\n"
                "    workers.map(work, [1, 2])\n"
            )
        },
    ),
    "guard-switch-by-config": (
        {"s.py": "from clean import scrub\n\ndef go(x):\n    return scrub(x)\n"},
        {
            "s.py": (
                'import yaml\nfrom clean import scrub\n\ncfg = yaml.safe_load(open("c.yaml"))\n\ndef go(x):\n'
                '    if cfg["redact"]:\n        x = scrub(x)\n    return x\n'
            ),
            "c.yaml": "redact: true\n",
        },
    ),
}
LOST: dict[str, tuple[str, Files, Files]] = {
    "drop-alone": (
        "python-result-dropped",
        {"p.py": "import pandas as pd\n\ndef f(d):\n    d = d.drop(columns=['email'])\n    return d\n"},
        {"p.py": "import pandas as pd\n\ndef f(d):\n    d.drop(columns=['email'])\n    return d\n"},
    ),
    "filter-alone": (
        "python-result-dropped",
        {
            "p.py": (
                "from datasets import load_dataset\n\ndef f(ds):\n    ds = ds.filter(lambda r: r['consent'])\n"
                "    return ds\n"
            )
        },
        {
            "p.py": (
                "from datasets import load_dataset\n\ndef f(ds):\n    ds.filter(lambda r: r['consent'])\n    return ds\n"
            )
        },
    ),
    "anonymize-alone": (
        "python-result-dropped",
        {
            "p.py": (
                "from presidio_anonymizer import AnonymizerEngine\nengine_anonymizer = AnonymizerEngine()\n\n"
                "def f(t, r):\n    t = engine_anonymizer.anonymize(text=t, analyzer_results=r).text\n    return t\n"
            )
        },
        {
            "p.py": (
                "from presidio_anonymizer import AnonymizerEngine\nengine_anonymizer = AnonymizerEngine()\n\n"
                "def f(t, r):\n    engine_anonymizer.anonymize(text=t, analyzer_results=r)\n    return t\n"
            )
        },
    ),
    "polars": (
        "python-columns-all-but",
        {"p.py": 'import polars as pl\n\ndef t(df):\n    return df.select(["plan", "label"])\n'},
        {"p.py": 'import polars as pl\n\ndef t(df):\n    return df.drop("email")\n'},
    ),
    "usecols-lost": (
        "python-columns-all-but",
        {"p.py": ('import pandas as pd\n\ndef t(p):\n    return pd.read_csv(p, usecols=["plan", "label"])\n')},
        {"p.py": ('import pandas as pd\n\ndef t(p):\n    return pd.read_csv(p).drop(columns=["email"])\n')},
    ),
    "spark": (
        "python-columns-all-but",
        {"p.py": ('from pyspark.sql import SparkSession\n\ndef t(df):\n    return df.select("plan", "label")\n')},
        {"p.py": 'from pyspark.sql import SparkSession\n\ndef t(df):\n    return df.drop("email")\n'},
    ),
    "salt-lost": (
        "python-digest-plain",
        {
            "h.py": (
                "import hashlib\nSALT = load()\n\ndef p(x):\n    return hashlib.sha256(SALT + x.encode()).hexdigest()\n"
            )
        },
        {"h.py": "import hashlib\n\ndef p(x):\n    return hashlib.sha256(x.encode()).hexdigest()\n"},
    ),
    "blake-key-lost": (
        "python-digest-plain",
        {"h.py": "import hashlib\n\ndef p(x, k):\n    return hashlib.blake2b(x, key=k).hexdigest()\n"},
        {"h.py": "import hashlib\n\ndef p(x, k=None):\n    return hashlib.blake2b(x).hexdigest()\n"},
    ),
    "tff": (
        "python-aggregation-removed",
        {"f.py": "import tensorflow_federated as tff\nagg = tff.learning.secure_aggregator()\n"},
        {"f.py": "import tensorflow_federated as tff\nagg = tff.learning.mean_aggregator()\n"},
    ),
    "flwr-dp": (
        "training-dp-removed",
        {
            "f.py": (
                "from flwr.client.mod import LocalDpMod\nfrom flwr.client import ClientApp\n"
                "app = ClientApp(mods=[LocalDpMod(1.0, 1.0, 1.0, 1e-6)])\n"
            )
        },
        {"f.py": "from flwr.client import ClientApp\napp = ClientApp()\n"},
    ),
    "dp-env": (
        "training-dp-removed",
        {"t.py": ("import os\nfrom opacus import PrivacyEngine\nPrivacyEngine().make_private(noise_multiplier=1.1)\n")},
        {
            "t.py": (
                "import os\nfrom opacus import PrivacyEngine\nif os.environ.get('TRAIN_PRIVATELY'):\n"
                "    PrivacyEngine().make_private(noise_multiplier=1.1)\n"
            )
        },
    ),
    "dp-store-true": (
        "training-dp-removed",
        {"t.py": ("from opacus import PrivacyEngine\nPrivacyEngine().make_private(noise_multiplier=1.1)\n")},
        {
            "t.py": (
                "import argparse\nfrom opacus import PrivacyEngine\np = argparse.ArgumentParser()\n"
                "p.add_argument('--dp', action='store_true')\nargs = p.parse_args()\nif args.dp:\n"
                "    PrivacyEngine().make_private(noise_multiplier=1.1)\n"
            )
        },
    ),
    "scrub-setting-off": (
        "python-scrub-removed",
        {"s.py": "from clean import scrub\n\ndef go(x):\n    return send(scrub(x))\n"},
        {
            "s.py": (
                "from clean import scrub\n\nREDACT = False\n\ndef go(x):\n    if REDACT:\n        x = scrub(x)\n"
                "    return send(x)\n"
            )
        },
    ),
    "gh-public": (
        "upload-visibility",
        {"r.sh": "gh repo create org/x --private\n"},
        {"r.sh": "gh repo create org/x --public\n"},
    ),
    "s3-acl": (
        "upload-visibility",
        {"r.sh": "aws s3 cp out s3://b/out --recursive\n"},
        {"r.sh": "aws s3 cp out s3://b/out --recursive --acl public-read\n"},
    ),
    "env-http": (
        "config-address-plain",
        {".env": "STORE_URL=https://store.example.com\n"},
        {".env": "STORE_URL=http://store.example.com\n"},
    ),
    "compose-http": (
        "config-address-plain",
        {
            "compose.yaml": (
                "services:\n  a:\n    image: x/y:1\n    environment:\n      SINK_URL: https://sink.example.com\n"
            )
        },
        {
            "compose.yaml": (
                "services:\n  a:\n    image: x/y:1\n    environment:\n      SINK_URL: http://sink.example.com\n"
            )
        },
    ),
    "k-json": ("python-default-group", {"c.json": '{"k_anonymity": 10}'}, {"c.json": '{"k_anonymity": 2}'}),
    "k-env": ("python-default-group", {".env": "MIN_GROUP_SIZE=10\n"}, {".env": "MIN_GROUP_SIZE=3\n"}),
    "noise-lost-on-move": (
        "dp-noise-multiplier",
        {"t.py": ("from opacus import PrivacyEngine\nN = 1.1\nPrivacyEngine().make_private(noise_multiplier=N)\n")},
        {
            "t.py": (
                "import yaml\nfrom opacus import PrivacyEngine\ncfg = yaml.safe_load(open('c.yaml'))\n"
                "PrivacyEngine().make_private(noise_multiplier=cfg['noise_multiplier'])\n"
            ),
            "c.yaml": "noise_multiplier: 0.4\n",
        },
    ),
    "argv-config-lost": (
        "transformers-report-to",
        {
            "t.py": (
                "from transformers import TrainingArguments\n\ndef main():\n"
                '    return TrainingArguments(output_dir="o", report_to="none")\n'
            )
        },
        {
            "t.py": (
                "import sys, yaml\nfrom transformers import TrainingArguments\n\ndef main(path):\n"
                "    with open(path) as fh:\n        cfg = yaml.safe_load(fh)\n"
                '    return TrainingArguments(**cfg["trainer"])\n\nmain(sys.argv[1])\n'
            ),
            "configs/sft.yaml": "trainer:\n  output_dir: o\n",
        },
    ),
    "gitlab-public": (
        "gitlab-artifacts-visibility",
        {".gitlab-ci.yml": "e:\n  script: [make]\n  artifacts:\n    public: false\n    paths: [out]\n"},
        {".gitlab-ci.yml": "e:\n  script: [make]\n  artifacts:\n    paths: [out]\n"},
    ),
    "otel-action": (
        "otel-redaction",
        {
            "otel/c.yaml": (
                "receivers: {otlp: {}}\nprocessors:\n  attributes: {actions: [{key: gen_ai.prompt, action: delete}]}\n"
                "exporters: {otlp: {}}\nservice:\n  pipelines:\n"
                "    traces: {receivers: [otlp], processors: [attributes], exporters: [otlp]}\n"
            )
        },
        {
            "otel/c.yaml": (
                "receivers: {otlp: {}}\nprocessors:\n  attributes: {actions: [{key: team, action: insert, value: x}]}\n"
                "exporters: {otlp: {}}\nservice:\n  pipelines:\n"
                "    traces: {receivers: [otlp], processors: [attributes], exporters: [otlp]}\n"
            )
        },
    ),
    "store-lost": (
        "openai-responses-store",
        {"l.py": ("from openai import OpenAI\nc = OpenAI()\nr = c.responses.create(input='x', store=False)\n")},
        {"l.py": "from openai import OpenAI\nc = OpenAI()\nr = c.responses.create(input='x')\n"},
    ),
    "gate-or-true": (
        "secret-scan-removed",
        {
            ".github/workflows/d.yml": (
                "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: python tools/check_pii.py data\n"
            )
        },
        {
            ".github/workflows/d.yml": (
                "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n"
                "      - run: python tools/check_pii.py data || true\n"
            )
        },
    ),
    "gate-make": (
        "secret-scan-removed",
        {
            ".github/workflows/d.yml": (
                "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: make pii-check\n"
            )
        },
        {
            ".github/workflows/d.yml": "on: pull_request\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: make test\n"
        },
    ),
    "lighteval": (
        "lighteval-push",
        {"e.sh": "lighteval vllm model_name=m t\n"},
        {"e.sh": "lighteval vllm model_name=m t --push-to-hub --public-run\n"},
    ),
    "retention-never": (
        "python-default-retention",
        {"c.toml": "[logs]\nprompt_retention_days = 14\n"},
        {"c.toml": "[logs]\nprompt_retention_days = -1\n"},
    ),
    "docker-publish-second": (
        "docker-run-publish",
        {"r.sh": "docker run -p 127.0.0.1:1:1 x\n"},
        {"r.sh": "docker run -p 0.0.0.0:9000:9000 -p 127.0.0.1:1:1 x\n"},
    ),
    "hydra-lost": (
        "transformers-report-to",
        {
            "t.py": (
                "from transformers import TrainingArguments\n\ndef main():\n"
                "    return TrainingArguments(output_dir='o', report_to='none')\n"
            )
        },
        {
            "t.py": (
                "import hydra\nfrom transformers import TrainingArguments\n\n"
                "@hydra.main(config_path='conf', config_name='config', version_base=None)\ndef main(cfg):\n"
                "    return TrainingArguments(**cfg.trainer)\n"
            ),
            "conf/config.yaml": "trainer:\n  output_dir: o\n",
        },
    ),
    "promtail": (
        "log-redaction",
        {
            "promtail.yaml": (
                "scrape_configs:\n  - job_name: a\n    pipeline_stages:\n      - json: {expressions: {m: message}}\n"
                "      - replace: {expression: '(prompt)', replace: x}\n    static_configs: []\n"
                "clients: [{url: http://loki}]\n"
            )
        },
        {
            "promtail.yaml": (
                "scrape_configs:\n  - job_name: a\n    pipeline_stages:\n      - json: {expressions: {m: message}}\n"
                "    static_configs: []\nclients: [{url: http://loki}]\n"
            )
        },
    ),
    "vector": (
        "log-redaction",
        {
            "vector.yaml": (
                "sources:\n  app: {type: file, include: [/var/log/a]}\ntransforms:\n  redact:\n    type: remap\n"
                "    inputs: [app]\n    source: |\n      .message = redact(.message, filters: [r'\\d+'])\nsinks:\n"
                "  out: {type: elasticsearch, inputs: [redact], endpoints: ['https://e.internal']}\n"
            )
        },
        {
            "vector.yaml": (
                "sources:\n  app: {type: file, include: [/var/log/a]}\ntransforms:\n  redact:\n    type: remap\n"
                "    inputs: [app]\n    source: |\n      .message = redact(.message, filters: [r'\\d+'])\nsinks:\n"
                "  out: {type: elasticsearch, inputs: [app], endpoints: ['https://e.internal']}\n"
            )
        },
    ),
    "fluentbit": (
        "log-redaction",
        {
            "fluent-bit.conf": (
                "[INPUT]\n    Name tail\n[FILTER]\n    Name modify\n    Match *\n    Remove prompt\n[OUTPUT]\n    Name es\n"
            )
        },
        {"fluent-bit.conf": "[INPUT]\n    Name tail\n[OUTPUT]\n    Name es\n"},
    ),
    "s3-lifecycle": (
        "terraform-protection-removed",
        {
            "s.tf": (
                'resource "aws_s3_bucket_lifecycle_configuration" "p" {\n  bucket = aws_s3_bucket.p.id\n  rule {\n'
                '    id = "x"\n    status = "Enabled"\n    expiration {\n      days = 30\n    }\n  }\n}\n'
                'resource "aws_s3_bucket" "p" {\n  bucket = "prompts"\n}\n'
            )
        },
        {"s.tf": 'resource "aws_s3_bucket" "p" {\n  bucket = "prompts"\n}\n'},
    ),
    "score": (
        "presidio-score-threshold",
        {
            "p.py": (
                "from presidio_analyzer import AnalyzerEngine\na = AnalyzerEngine()\n"
                "r = a.analyze(text=t, language='en', score_threshold=0.35)\n"
            )
        },
        {
            "p.py": (
                "from presidio_analyzer import AnalyzerEngine\na = AnalyzerEngine()\n"
                "r = a.analyze(text=t, language='en', score_threshold=0.9)\n"
            )
        },
    ),
    "sentry": (
        "python-scrub-removed",
        {"p.py": ("import sentry_sdk\nfrom c import scrub_event\nsentry_sdk.init(dsn='x', before_send=scrub_event)\n")},
        {"p.py": "import sentry_sdk\nsentry_sdk.init(dsn='x')\n"},
    ),
    "langfuse": (
        "python-scrub-removed",
        {"p.py": "from langfuse import Langfuse\nl = Langfuse(mask=f)\n"},
        {"p.py": "from langfuse import Langfuse\nl = Langfuse()\n"},
    ),
    "kafka": (
        "python-default-retention",
        {"t.yaml": "topics:\n  - name: prompts\n    config:\n      retention.ms: 86400000\n"},
        {"t.yaml": "topics:\n  - name: prompts\n    config:\n      retention.ms: -1\n"},
    ),
    "push-private": (
        "hf-push-private",
        {"p.py": ("from datasets import load_dataset\nd = load_dataset('x')\nd.push_to_hub('a/b', private=True)\n")},
        {"p.py": "from datasets import load_dataset\nd = load_dataset('x')\nd.push_to_hub('a/b')\n"},
    ),
    "artifact-retention": (
        "actions-artifact-retention",
        {
            ".github/workflows/a.yml": (
                "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/upload-artifact@v4\n"
                "        with: {name: logs, path: out, retention-days: 3}\n"
            )
        },
        {
            ".github/workflows/a.yml": (
                "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/upload-artifact@v4\n"
                "        with: {name: logs, path: out, retention-days: 90}\n"
            )
        },
    ),
    "sql-having": (
        "sql-protection-removed",
        {"m/a.sql": "select region, count(*) as n from p group by 1 having count(*) >= 10\n"},
        {"m/a.sql": "select region, count(*) as n from p group by 1\n"},
    ),
    "sql-hash": (
        "sql-protection-removed",
        {"m/a.sql": "select sha2(email, 256) as email_hash, plan from users\n"},
        {"m/a.sql": "select email, plan from users\n"},
    ),
    "sql-rls": (
        "sql-protection-off",
        {"m/a.sql": "ALTER TABLE chats ENABLE ROW LEVEL SECURITY;\n"},
        {"m/a.sql": "ALTER TABLE chats DISABLE ROW LEVEL SECURITY;\n"},
    ),
    "gcloudignore": ("ignore-line-removed", {".gcloudignore": "data/\n.env\n"}, {".gcloudignore": "*.pyc\n"}),
    "mask-false": (
        "python-scrub-removed",
        {
            "p.py": (
                "from c import scrub\n\ndef f(rows, clean=True):\n    return [scrub(r) if clean else r for r in rows]\n"
            )
        },
        {
            "p.py": (
                "from c import scrub\n\ndef f(rows, clean=False):\n    return [scrub(r) if clean else r for r in rows]\n"
            )
        },
    ),
    "unsloth": (
        "unsloth-push",
        {"p.py": "from unsloth import FastLanguageModel\nm.save_pretrained('o')\n"},
        {"p.py": "from unsloth import FastLanguageModel\nm.push_to_hub_merged('a/b', t)\n"},
    ),
    "argparse-private": (
        "python-default-protection",
        {
            "p.py": (
                "import argparse\np = argparse.ArgumentParser()\n"
                "p.add_argument('--private', action='store_true', default=True)\na = p.parse_args()\n"
            )
        },
        {
            "p.py": (
                "import argparse\np = argparse.ArgumentParser()\np.add_argument('--private', action='store_true')\n"
                "a = p.parse_args()\n"
            )
        },
    ),
    "presidio-order": (
        "python-scrub-removed",
        {"p.py": "from c import scrub\n\ndef f(t):\n    t = scrub(t)\n    log(t)\n"},
        {"p.py": "from c import scrub\n\ndef f(t):\n    log(t)\n    t = scrub(t)\n"},
    ),
    "faker": (
        "python-result-dropped",
        {"p.py": ("import pandas as pd\n\ndef f(d):\n    d['name'] = d['name'].map(pseudo)\n    return d\n")},
        {"p.py": "import pandas as pd\n\ndef f(d):\n    d['name'].map(pseudo)\n    return d\n"},
    ),
    "epsilon-flag": (
        "dp-epsilon-flag",
        {"r.sh": "python train.py --dp-epsilon 3\n"},
        {"r.sh": "python train.py --dp-epsilon 12\n"},
    ),
    "makefile-dp": (
        "own-protection-flag",
        {"Makefile": "train:\n\tpython train.py --use-dp --epsilon 3\n"},
        {"Makefile": "train:\n\tpython train.py --epsilon 3\n"},
    ),
    "rsync-exclude": (
        "ignore-line-removed",
        {"d.sh": "rsync -a --exclude data/ --exclude .env ./ h:/srv\n"},
        {"d.sh": "rsync -a ./ h:/srv\n"},
    ),
    "accelerate-tracker": (
        "accelerate-log-with",
        {"p.py": "from accelerate import Accelerator\na = Accelerator()\n"},
        {"p.py": "from accelerate import Accelerator\na = Accelerator(log_with='wandb')\n"},
    ),
    "lightning-logger": (
        "lightning-logger",
        {"p.py": "from lightning import Trainer\nt = Trainer(logger=False)\n"},
        {
            "p.py": (
                "from lightning import Trainer\nfrom lightning.pytorch.loggers import WandbLogger\n"
                "t = Trainer(logger=WandbLogger(project='x'))\n"
            )
        },
    ),
    "sql-policy-dropped": (
        "sql-protection-off",
        {"m/a.sql": "select 1"},
        {"m/a.sql": "select 1", "m/b.sql": "DROP POLICY p ON t;\n"},
    ),
    "sql-smaller-groups": (
        "python-default-group",
        {"m/a.sql": "select a from t having count(*) >= 10"},
        {"m/a.sql": "select a from t having count(*) >= 2"},
    ),
    "own-flag-gives-up": (
        "own-protection-off-flag",
        {"r.sh": "python prepare.py\n"},
        {"r.sh": "python prepare.py --no-redact\n"},
    ),
}


@pytest.mark.parametrize("name", MOVED)
def test_what_moved_or_stands_in_for_another_is_no_weakening(name: str) -> None:
    before, after = map(tree_of, MOVED[name])
    assert not compare(before, after).findings


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_told(name: str) -> None:
    rule, before, after = LOST[name]
    assert rule in {finding.rule for finding in compare(tree_of(before), tree_of(after)).findings}


@pytest.mark.parametrize("call", ['make("wandb")', 'make(report="wandb")'])
def test_what_a_call_gives_in_place_of_a_default_counts(call: str) -> None:
    text = (
        "from transformers import TrainingArguments\n\n\ndef make(report='none', *more):\n"
        "    return TrainingArguments('o', report_to=report)\n\n\nargs = {}\n"
    )
    base, head = ({"train.py": text.format(one)} for one in ("make()", call))
    findings = compare(tree_of(base), tree_of(head)).findings
    assert [(item.rule, item.line) for item in findings] == [("transformers-report-to", 8)]
    for other in ("make('none')", "make(*args)", "make(what())", "other('wandb')"):
        assert compare(tree_of(base), tree_of({"train.py": text.format(other)})).findings == ()
