"""Secrets that only their names tell; every one here was drawn for these tests and opens nothing."""

from __future__ import annotations

import pytest

from privet.check.scan import compare, scan_texts, tree_of

DRAWN = "kT93xQmz1pZZ44"
COMPOSE = "services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: {}\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n    - name: a\n      env:\n        - name: DB_PASSWORD\n{}"
CELL = (
    '{{"cells": [{{"cell_type": "code", "execution_count": null, "metadata": {{}}, "outputs": [], "source": ["api_key = \\"{}\\"\\n"]}}], '
    '"metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}}'
)


def said(path: str, text: str) -> list[str]:
    """Return what the findings point at."""
    return [text[item.start : item.end] for item in scan_texts({path: text}) if item.rule.id == "data-secret"]


def is_weaker(path: str, before: str, after: str) -> bool:
    found = compare(tree_of({path: before}), tree_of({path: after})).weaknesses
    return any(item.rule.id == "data-secret" for item in found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("deploy/.env", "DB_PASSWORD={}\n"),
        ("compose.yaml", COMPOSE),
        ("compose.yaml", "services:\n  db:\n    image: a\n    environment:\n      - POSTGRES_PASSWORD={}\n"),
        ("compose.yaml", "services:\n  db:\n    image: a\n    environment:\n      DB_PASSWORD: ${{DB_PASSWORD:-{}}}\n"),
        ("compose.yaml", "services:\n  db:\n    image: redis\n    command: redis-server --requirepass {}\n"),
        ("compose.yaml", 'services:\n  a:\n    image: a\n    command: ["--api-key", "{}"]\n'),
        ("compose.yaml", "services:\n  a:\n    image: a\n    command:\n      - --api-key\n      - {}\n"),
        (
            "compose.yaml",
            "services:\n  a:\n    image: a\n    environment:\n      DSN: postgresql://app:{}@db:5432/app\n",
        ),
        ("compose.yaml", "services:\n  a:\n    image: a\n    environment:\n      REDIS: redis://:{}@redis:6379/0\n"),
        ("charts/app/values.yaml", "auth:\n  password: {}\n  existingSecret: ''\n"),
        ("k8s/a.yaml", POD.replace("{}", "          value: {}\n")),
        ("k8s/a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\nstringData:\n  password: {}\n"),
        ("k8s/a.yaml", "secretGenerator:\n  - name: a\n    literals: [API_TOKEN={}]\n"),
        ("config/app.toml", '[db]\npassword = "{}"\n'),
        ("config/app.ini", "[db]\npassword = {}\n"),
        ("app.properties", "spring.datasource.password={}\n"),
        ("redis.conf", "requirepass {}\n"),
        ("config/app.json", '{{"db": {{"password": "{}"}}}}\n'),
        ("task.json", '{{"environment": [{{"name": "API_KEY", "value": "{}"}}]}}\n'),
        ("run.sh", "export WEBUI_SECRET_KEY={}\n"),
        ("run.sh", "docker build --build-arg HF_TOKEN={} .\n"),
        ("run.sh", 'curl -H "Authorization: Bearer {}" http://models:8000/v1\n'),
        ("run.sh", "curl -u admin:{} http://models:8000/v1\n"),
        ("run.sh", "vllm serve example/model --api-key {}\n"),
        ("run.sh", "PGPASSWORD={} psql -h db\n"),
        ("run.sh", "kubectl create secret generic a --from-literal=password={}\n"),
        ("Dockerfile", "FROM a\nENV DB_PASSWORD={}\n"),
        ("Dockerfile", "FROM a\nENV DB_PASSWORD {}\n"),
        ("Dockerfile", "FROM a\nARG API_TOKEN={}\n"),
        ("main.tf", 'resource "aws_db_instance" "a" {{\n  password = "{}"\n}}\n'),
        ("main.tf", 'variable "db_password" {{\n  type = string\n  default = "{}"\n}}\n'),
        ("app.service", "[Service]\nExecStart=/bin/a\nEnvironment=API_TOKEN={}\n"),
        (".github/workflows/a.yml", "on: push\njobs:\n  a:\n    env:\n      HF_TOKEN: {}\n    steps: []\n"),
        ("app.py", 'client = Client(api_key="{}")\n'),
        ("app.py", 'API_KEY = "{}"\n'),
        ("app.py", 'class Config(BaseSettings):\n    db_password: str = "{}"\n'),
        ("app.py", 'class Config(BaseSettings):\n    db_password: SecretStr = SecretStr("{}")\n'),
        ("app.py", 'key = os.getenv("X_API_KEY", "{}")\n'),
        ("app.py", 'key = os.environ.get("X_API_KEY") or "{}"\n'),
        ("app.py", 'os.environ["X_API_KEY"] = "{}"\n'),
        ("app.py", 'settings = {{"password": "{}"}}\n'),
        ("app.py", 'headers = {{"Authorization": "Bearer {}"}}\n'),
        ("app.py", 'headers = {{"X-API-Key": "{}"}}\n'),
        ("app.py", 'parser.add_argument("--api-key", type=str, default="{}")\n'),
        ("app.py", 'engine = create_engine("postgresql://app:{}@db/cases")\n'),
        (".pypirc", "[pypi]\nusername = a\npassword = {}\n"),
        (".netrc", "machine models.example.com login a password {}\n"),
        (".npmrc", "//registry.example.com/:_authToken={}\n"),
        ("app.ts", 'const key = process.env.API_KEY || "{}";\n'),
        ("a.ipynb", CELL),
    ],
)
def test_a_secret_is_found_by_its_name_wherever_settings_stand(path: str, text: str) -> None:
    found = said(path, text.format(DRAWN))
    assert len(found) == 1
    assert DRAWN in found[0] or found[0] in DRAWN


def test_base64_in_a_secret_object_hides_nothing() -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  db-password: "
    assert said("a.yaml", f"{secret}a1Q5M3hRbXoxcA==\n") == ["a1Q5M3hRbXoxcA=="]
    assert said("a.yaml", f"{secret}cG9zdGdyZXM=\n") == []


@pytest.mark.parametrize(
    "value",
    [
        "postgres",
        "example",
        "changeme",
        "admin123",
        "password123",
        "mysecretpassword",
        "my-secret-pw",
        "rootpass123",
        "dummy-pass1",
        "xxxxxxxx",
        "''",
        "null",
        "<your-password>",
        "${POSTGRES_PASSWORD}",
        "${POSTGRES_PASSWORD:?is missing}",
        "$POSTGRES_PASSWORD",
        "{{ .Values.auth.password }}",
        "/run/secrets/db1",
        "$2b$12$abcdefghij1234567890",
        "ENC[AES256_GCM,data:x1,iv:a]",
    ],
)
def test_what_opens_nothing_is_no_secret(value: str) -> None:
    assert said("compose.yaml", COMPOSE.format(value)) == []


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "EMPTY"',
        'api_key = "sk-..."',
        'api_key = "sk-1234"',
        'api_key = "token-abc123"',
        'api_key = "test-key-123456"',
        'api_key = os.environ["OPENAI_API_KEY2"]',
        'max_tokens = "4096a1b2c3d4e5"',
        'token_ids = "kT93xQmz1pZZ44"',
        'tokenizer = "kT93xQmz1pZZ44"',
        'pad_token = "kT93xQmz1pZZ44"',
        'password_field = "kT93xQmz1pZZ44"',
        'key_name = "kT93xQmz1pZZ44"',
        'secret_name = "kT93xQmz1pZZ44"',
        'api_key_env = "kT93xQmz1pZZ44"',
        'token = load("kT93xQmz1pZZ44")',
        'token = f"{prefix}kT93xQmz1pZZ44"',
        'token = "claude-3-5-sonnet-20241022"',
        'API_KEY = "OPENAI_API_KEY_2"',
        'SIGNED = ["x-amz-security-token", "x-amz-content-sha256"]',
        '# api_key = "kT93xQmz1pZZ44"',
        "    For example, api_key='kT93xQmz1pZZ44'",
    ],
)
def test_what_only_speaks_of_a_secret_is_none(line: str) -> None:
    assert said("app.py", f"{line}\n") == []


@pytest.mark.parametrize("path", ["tests/a.py", ".env.example", "deploy/.env.sample", "test/fixtures/a.yaml", "a.lock"])
def test_files_in_which_secrets_are_made_up_are_passed_over(path: str) -> None:
    assert said(path, f"DB_PASSWORD={DRAWN}\n") == []


def test_in_an_example_only_what_was_drawn_counts() -> None:
    assert said("examples/chat/compose.yaml", COMPOSE.format("hunter2real")) == []
    assert said("deploy/chat/compose.yaml", COMPOSE.format("hunter2real")) == ["hunter2real"]
    assert said("examples/chat/compose.yaml", COMPOSE.format("9fK2mZ77qLpW3xTbVv01")) == ["9fK2mZ77qLpW3xTbVv01"]


@pytest.mark.parametrize("value", [DRAWN, "postgres", "changeme", "${POSTGRES_PASSWORD:-postgres}"])
def test_a_reference_that_gave_way_to_words_is_weaker(value: str) -> None:
    assert is_weaker("compose.yaml", COMPOSE.format("${POSTGRES_PASSWORD:?}"), COMPOSE.format(value))
    assert not is_weaker("compose.yaml", COMPOSE.format(value), COMPOSE.format("${POSTGRES_PASSWORD:?}"))


def test_a_secret_reference_that_gave_way_is_weaker() -> None:
    taken = POD.format("          valueFrom:\n            secretKeyRef: {name: db, key: password}\n")
    assert is_weaker("a.yaml", taken, POD.format("          value: postgres\n"))
    assert is_weaker("main.tf", 'a "b" {\n  password = var.password\n}\n', 'a "b" {\n  password = "admin123"\n}\n')
    assert is_weaker(
        ".github/workflows/a.yml",
        "jobs:\n  a:\n    env:\n      DB_PASSWORD: ${{ secrets.DB }}\n",
        "jobs:\n  a:\n    env:\n      DB_PASSWORD: postgres\n",
    )


def test_code_that_takes_a_known_word_in_the_place_of_a_variable_is_weaker() -> None:
    assert is_weaker(
        "app.py", 'PASSWORD = os.environ["DB_PASSWORD"]\n', 'PASSWORD = os.getenv("DB_PASSWORD", "postgres")\n'
    )
    assert is_weaker("app.py", 'SECRET_KEY = os.environ["SECRET_KEY"]\n', 'SECRET_KEY = "development"\n')
    assert not is_weaker("app.py", 'ask(api_key=os.environ["API_KEY"])\n', 'ask(api_key="ollama")\n')
    assert not is_weaker("app.py", "ask(password=password)\n", 'ask(password="")\n')


def test_a_new_secret_is_weaker_and_another_value_of_an_old_one_is_not() -> None:
    assert is_weaker(".env", "TZ=UTC\n", f"TZ=UTC\nDB_PASSWORD={DRAWN}\n")
    assert is_weaker(".env", f"DB_PASSWORD={DRAWN}\n", f"DB_PASSWORD={DRAWN}\nAPI_KEY={DRAWN}\n")
    assert not is_weaker(".env", f"DB_PASSWORD={DRAWN}\n", "DB_PASSWORD=Vt9kQz7Lm2pZ\n")
    assert not is_weaker(".env", "OPENAI_API_KEY=kT93xQmz1pZZ44\n", f"OPENAI_API_KEY=sk-proj-{DRAWN}{DRAWN}{DRAWN}\n")


def test_a_secret_that_moved_and_a_reference_beside_it_are_no_weakening() -> None:
    before, after = {"a/.env": f"DB_PASSWORD={DRAWN}\n"}, {"b/prod.env": f"TZ=UTC\nDB_PASSWORD={DRAWN}\n"}
    assert compare(tree_of(before), tree_of(after)).weaknesses == ()
    literal = f"a:\n  password: {DRAWN}\n"
    assert not is_weaker("a.yaml", literal, "b:\n  password: ${PASSWORD}\n" + literal)
    assert not is_weaker("compose.yaml", "services: {}\n", COMPOSE.format("postgres"))


def test_no_more_than_so_many_are_told_of_one_file() -> None:
    text = "".join(f"API_KEY_{number}=kT93xQmz1pZZ{number:04d}\n" for number in range(1000))
    assert 0 < len(said(".env", text)) <= 40


def test_hostile_text_takes_no_time() -> None:
    for text in ("password" * 30000, "api_key=" * 30000, "://a:" * 40000, 'token("' * 40000, "secret:" + " " * 200_000):
        assert said("app.py", text) == []
        assert said("app.yaml", text) == []
