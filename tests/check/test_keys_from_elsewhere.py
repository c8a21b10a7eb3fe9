"""Keys and passwords whose value is known only at run time: that they are there counts, as with a literal one."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, scan, tree_of

POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:v0.11.0
          args: [--model, m]
          env:
            - {name: A, value: b}
"""
SECRET = "            - name: VLLM_API_KEY\n              valueFrom: {secretKeyRef: {name: a, key: b}}\n"
CHART = {"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/values.yaml": "model: m\n"}
APP = "import os\nimport gradio as gr\n\ndemo = gr.Interface(answer, 'text', 'text')\ndemo.launch({})\n"
UNIT = "[Service]\nExecStart=/usr/bin/vllm serve m{}\n"
FILE = "EnvironmentFile=/etc/llm.env\n"
VALUES = "servingEngineSpec:\n  vllmApiKey: {}\n  modelSpec: []\n"


def rules(base: dict[str, str], head: dict[str, str]) -> set[str]:
    return {finding.rule for finding in compare(tree_of(base), tree_of(head)).findings}


def service(image: str, *lines: str) -> dict[str, str]:
    return {"compose.yaml": "".join(f"{line}\n" for line in ("services:", "  s:", f"    image: {image}", *lines))}


@pytest.mark.parametrize(
    ("image", "with_key", "without", "rule"),
    [
        ("vllm/vllm-openai:v0.11.0", "command: --model m --api-key=${KEY}", "command: --model m", "vllm-api-key"),
        ("vllm/vllm-openai:v0.11.0", "command: [--model, m, '--api-key=${KEY}']", "command: [--model, m]", "vllm-api-key"),
        ("vllm/vllm-openai:v0.11.0", "command: [--model, m, --api-key, $KEY]", "command: [--model, m]", "vllm-api-key"),
        ("vllm/vllm-openai:v0.11.0", "environment: {VLLM_API_KEY: '${KEY}'}", "environment: {A: b}", "vllm-api-key"),
        ("vllm/vllm-openai:v0.11.0", "environment: [VLLM_API_KEY]", "environment: [A]", "vllm-api-key"),
        ("qdrant/qdrant", "environment: {QDRANT__SERVICE__API_KEY: '${KEY}'}", "environment: {A: b}", "qdrant-api-key"),
        ("redis:7", "command: redis-server --requirepass ${KEY}", "command: redis-server", "redis-requirepass"),
    ],
)  # fmt: skip
def test_a_key_that_a_service_gets_from_a_variable_is_one(image: str, with_key: str, without: str, rule: str) -> None:
    base, head = service(image, f"    {with_key}"), service(image, f"    {without}")
    assert rules(base, head) == {rule}
    assert rules(head, base) == set()


@pytest.mark.parametrize(
    ("program", "flag", "rule"),
    [
        ("vllm serve m", "--api-key", "vllm-api-key"),
        ("redis-server", "--requirepass", "redis-requirepass"),
        ("text-generation-launcher --model-id m", "--api-key", "tgi-api-key"),
        ("python -m sglang.launch_server --model m", "--api-key", "sglang-api-key"),
        ("llama-server -m m", "--api-key", "llama-cpp-api-key"),
    ],
)
@pytest.mark.parametrize("between", [" ", "="])
def test_a_key_that_a_command_gets_from_a_variable_is_one(program: str, flag: str, rule: str, between: str) -> None:
    assert rules({"run.sh": f'{program} {flag}{between}"$KEY"\n'}, {"run.sh": f"{program}\n"}) == {rule}
    assert rules({"run.sh": f'{program} --x {flag}{between}"$KEY"\n'}, {"run.sh": f"{program} --x\n"}) == {rule}


@pytest.mark.parametrize("key", ['f"--api-key={key}"', '"--api-key=" + key', '"--api-key", key'])
def test_a_key_that_a_python_program_hands_on_is_one(key: str) -> None:
    text = 'import subprocess\n\n\ndef serve(key):\n    subprocess.run(["vllm", "serve", "m"{}])\n'
    assert rules({"serve.py": text.format(f", {key}")}, {"serve.py": text.format("")}) == {"vllm-api-key"}


def test_a_flag_with_a_value_of_run_time_is_no_value_of_the_flag_before_it() -> None:
    text = 'vllm serve m --enable-log-requests --port="$PORT" --$MORE\n'
    assert {finding.rule for finding in scan(tree_of({"run.sh": text})).findings} == {"vllm-log-requests"}


def test_a_key_out_of_a_kubernetes_secret_is_one() -> None:
    assert rules({"d.yaml": POD + SECRET}, {"d.yaml": POD}) == {"vllm-api-key"}


@pytest.mark.parametrize("argument", ['"--api-key={{ .Values.key }}"', '--api-key, "{{ .Values.key }}"'])
def test_a_key_out_of_a_charts_values_is_one(argument: str) -> None:
    template = POD.replace("m]", f"m, {argument}]")
    assert rules({**CHART, "c/templates/d.yaml": template}, {**CHART, "c/templates/d.yaml": POD}) == {"vllm-api-key"}


def test_a_key_that_may_come_with_a_whole_secret_now_is_not_lost() -> None:
    whole = POD.replace("          env:\n", "          envFrom: [{secretRef: {name: a}}]\n          env:\n")
    assert rules({"d.yaml": POD + SECRET}, {"d.yaml": whole}) == set()
    assert rules({"d.yaml": whole + SECRET}, {"d.yaml": whole}) == {"vllm-api-key"}


def test_a_key_that_may_come_with_an_env_file_that_is_not_committed_is_not_lost() -> None:
    base = service("vllm/vllm-openai:v0.11.0", "    environment: {VLLM_API_KEY: '${KEY}', A: b}")
    head = service("vllm/vllm-openai:v0.11.0", "    environment: {A: b}", "    env_file: [secret.env]")
    assert rules(base, head) == set()
    assert rules(base, {**head, "secret.env": "A=b\n"}) == {"vllm-api-key"}
    assert rules({"a.service": UNIT.format(" --api-key ${KEY}")}, {"a.service": UNIT.format("") + FILE}) == set()


def test_a_key_that_became_a_variable_of_the_same_command_is_not_lost() -> None:
    head = 'VLLM_API_KEY="$KEY" vllm serve m\n'
    assert rules({"run.sh": 'vllm serve m --api-key "$KEY"\n'}, {"run.sh": head}) == set()


@pytest.mark.parametrize("given", ['auth=("u", os.environ["P"])', "auth=check", "auth=args.auth"])
def test_a_login_that_is_known_only_at_run_time_is_one(given: str) -> None:
    assert rules({"app.py": APP.format(given)}, {"app.py": APP.format("")}) == {"gradio-launch-auth"}
    assert rules({"app.py": APP.format(given)}, {"app.py": APP.format("auth=None")}) == {"gradio-launch-auth"}


def test_a_key_in_values_may_name_a_secret() -> None:
    secret, literal = VALUES.format("{secretName: a, secretKey: b}"), VALUES.format("key")
    without = VALUES.replace("  vllmApiKey: {}\n", "")
    assert rules({"values.yaml": literal}, {"values.yaml": secret}) == set()
    assert rules({"values.yaml": secret}, {"values.yaml": without}) == {"production-stack-api-key"}
