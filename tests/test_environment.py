"""The safe environment: what is set, what is kept, what is taken out, and whether real programs read it so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privet.environment import CATALOGUE, as_json, difference, environment_page, safe, shell, shown
from privet.environment_secrets import OUTSIDE, is_withheld, value_is_secret
from privet.environment_setting import ANY, KINDS, OFFLINE, Setting
from privet.hardening import CAPTURE_VARIABLES, refuse_content_capture

KNOWN = {setting.name: setting for setting in CATALOGUE}
PLAIN = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
SECRETS = {
    "openai": "sk-proj-" + "aB3dE5fG7hJ9kL2mN4pQ6rS8",
    "github": "ghp_" + "aB3dE5fG7hJ9kL2mN4pQ6rS8tU0vW1xY2zA3",
    "hugging face": "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "key block": "-----BEGIN " + "PRIVATE KEY-----\nMIIB\n-----END " + "PRIVATE KEY-----",
    "address": "postgresql://app:zebra@db.example.com/app",
    "second address": "http://127.0.0.1,https://user:zebra@example.com/",
    "slash": "redis://:zebra/quagga@db.example.com/0",
    "header": "x-team=one,Authorization: Bearer zebra-quagga",
    "storage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aGVsbG8=",
    "argument": "--port 8000 --api-key zebra-quagga",
}


# The catalogue.


def test_a_name_stands_once() -> None:
    assert len(KNOWN) == len(CATALOGUE)


@pytest.mark.parametrize("setting", CATALOGUE, ids=lambda setting: setting.name)
def test_a_setting_is_whole(setting: Setting) -> None:
    assert setting.name.isidentifier()
    assert all(program.strip() == program and program for program in setting.programs)
    assert setting.stops
    assert setting.stops[-1] != "."
    assert setting.source.split(" ")[0] in ("python", "node", "source", "program", "documentation")
    assert setting.holds(setting.value)
    assert setting.as_safe is ANY or all(setting.holds(value) for value in setting.as_safe)
    assert setting.value is None or not setting.holds(None)
    assert setting.kind == OFFLINE or not setting.hosts


def test_the_catalogue_covers_what_it_promises() -> None:
    assert {setting.kind for setting in CATALOGUE} == set(KINDS)
    assert len({program for setting in CATALOGUE for program in setting.programs}) >= 70
    assert sum(setting.seen_in_source for setting in CATALOGUE) >= 0.8 * len(CATALOGUE)


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("DO_NOT_TRACK", "true", False),
        ("DO_NOT_TRACK", "1", True),
        ("VLLM_NO_USAGE_STATS", "true", False),
        ("MLFLOW_DISABLE_TELEMETRY", "false", False),
        ("BENTOML_DO_NOT_TRACK", "1", False),
        ("BENTOML_DO_NOT_TRACK", "True", True),
        ("AZURE_DEV_COLLECT_TELEMETRY", "false", False),
        ("LANGGRAPH_CLI_NO_ANALYTICS", "true", False),
        ("RAY_USAGE_STATS_ENABLED", "false", False),
        ("ANONYMIZED_TELEMETRY", "", False),  # browser-use takes the empty string for yes
        ("HF_HUB_OFFLINE", "YES", True),
        ("HF_HUB_OFFLINE", "0", False),
        ("DVC_NO_ANALYTICS", "0", True),  # any value opts out
        ("DVC_NO_ANALYTICS", "", False),
        ("WANDB_MODE", "disabled", True),
        ("WANDB_MODE", "online", False),
        ("VLLM_LOGGING_LEVEL", "DEBUG", False),
        ("VLLM_LOGGING_LEVEL", "WARNING", True),
        ("TRACELOOP_TRACE_CONTENT", "", False),  # empty counts as on
        ("HISTFILE", "", False),
    ],
)
def test_a_value_counts_as_its_program_reads_it(name: str, value: str, *, holds: bool) -> None:
    result = safe({name: value})
    assert (name in result.corrected) is not holds
    assert result.environment.get(name) == (value if holds else KNOWN[name].value)


def test_tracing_that_serve_refuses_is_off_in_what_a_program_gets() -> None:
    assert set(CAPTURE_VARIABLES) <= set(KNOWN)
    result = safe(dict.fromkeys(CAPTURE_VARIABLES, "true"))
    refuse_content_capture(result.environment)
    assert set(result.corrected) == set(CAPTURE_VARIABLES)


# What comes out.

names = st.one_of(
    st.sampled_from(sorted(KNOWN)),
    st.sampled_from(sorted(OUTSIDE)),
    st.sampled_from(["HF_TOKEN", "OPENAI_API_KEY", "PGPASSWORD", "AWS_PROFILE", "HTTPS_PROXY", "no_proxy", "PATH", "HOME", "MAX_TOKENS"]),
    st.from_regex(r"[A-Z]{1,6}(_(KEY|TOKEN|SECRET|PATH|AUTH|PROXY|HEADERS|[A-Z]{1,4})){0,2}", fullmatch=True),
    st.text(st.characters(exclude_characters="=\0", exclude_categories=["Cs"]), min_size=1, max_size=8),
)  # fmt: skip
values = st.one_of(
    st.sampled_from(["", "0", "1", "true", "false", "True", "no", "off", "online", "DEBUG", "/dev/null", "4096"]),
    st.sampled_from(sorted(SECRETS.values())),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
)
environments = st.dictionaries(names, values, max_size=12)


@given(environments)
@example({"DO_NOT_TRACK": SECRETS["openai"], "SENTRY_DSN": SECRETS["address"]})
def test_every_setting_holds_and_no_secret_is_left(environment: dict[str, str]) -> None:
    result = safe(environment)
    for setting in CATALOGUE:
        assert setting.holds(result.environment.get(setting.name))
    for name, value in result.environment.items():
        assert name in KNOWN or not is_withheld(name, value)
        assert name in KNOWN or value == environment[name]
    assert set(environment) - set(result.environment) - set(result.corrected) == set(result.withheld)
    for changed in (result.added, result.corrected, result.withheld):
        assert list(changed) == sorted(changed)
    assert not set(result.added) & set(environment)


@settings(max_examples=50)
@given(environments)
def test_doing_it_twice_changes_nothing_more(environment: dict[str, str]) -> None:
    once = safe(environment)
    twice = safe(once.environment)
    assert twice.environment == once.environment
    assert (*twice.added, *twice.corrected, *twice.withheld) == ()


@settings(max_examples=50)
@given(environments, st.data())
def test_what_is_named_passes_as_it_is(environment: dict[str, str], data: st.DataObject) -> None:
    passed = data.draw(st.sets(st.sampled_from(sorted(environment) or ["HF_TOKEN"])))
    result = safe(environment, passed=passed)
    for name in passed & set(environment):
        assert result.environment[name] == environment[name]
    assert not passed & {*result.added, *result.corrected, *result.withheld}


def test_one_secret_is_passed_and_its_neighbours_are_not() -> None:
    result = safe({"HF_TOKEN": "zebra", "OPENAI_API_KEY": "okapi"}, passed=["HF_TOKEN"])
    assert result.environment["HF_TOKEN"] == "zebra"
    assert result.withheld == ("OPENAI_API_KEY",)


def test_an_exception_for_the_hub_turns_the_hub_on() -> None:
    opened = safe({"HF_HUB_OFFLINE": "0"}, reachable=["HuggingFace.co"])
    assert opened.environment["HF_HUB_OFFLINE"] == "0"
    assert "TRANSFORMERS_OFFLINE" not in opened.environment
    assert opened.environment["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert opened.environment["WANDB_MODE"] == "offline"
    assert safe({"HF_HUB_OFFLINE": "0"}, reachable=["example.com"]).corrected == ("HF_HUB_OFFLINE",)


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "hf_token", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "openai_apikey", "apiKey",
        "AZURE_OPENAI_KEY", "KEY",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "PGPASSWORD", "PGPASSFILE",
        "MYSQL_PWD", "DB_PASS", "SMTP_PASSWORD", "SSHPASS", "RESTIC_PASSWORD_FILE", "GITHUB_PAT", "GHTOKEN",
        "TF_VAR_db_password", "npm_config__authToken",
        "NPM_CONFIG_//registry.example.com/:_authToken", "GOOGLE_APPLICATION_CREDENTIALS", "CLIENT_SECRET", "DJANGO_SECRET_KEY",
        "SLACK_WEBHOOK_SECRET",
        "AZURE_STORAGE_CONNECTION_STRING", "N8N_ENCRYPTION_KEY", "SSH_PRIVATE_KEY", "OTEL_EXPORTER_OTLP_HEADERS",
        "REDISCLI_AUTH", "TS_AUTHKEY", "LDAP_BIND_PW", "SESSION_COOKIE",
        "SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "KUBECONFIG", "TMUX", "LISTEN_FDS",
        "NOTIFY_SOCKET", "GIT_ASKPASS",
        "HTTP_PROXY", "https_proxy", "ALL_PROXY", "no_proxy", "FTP_PROXY", "npm_config_https-proxy", "npm_config_proxy",
        "SOCKS_PROXY", "GIT_PROXY_COMMAND",
    ],
)  # fmt: skip
def test_secrets_and_ways_outside_stay_out(name: str) -> None:
    result = safe({name: "zebra"})
    assert result.withheld == (name,)
    assert name not in result.environment


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/bin:/bin"), ("HOME", "/home/user"), ("PWD", "/tmp"), ("OLDPWD", "/"), ("LANG", "de_DE.UTF-8"),
        ("TERM", "xterm-256color"),
        ("VIRTUAL_ENV", "/home/user/.venv"), ("CUDA_VISIBLE_DEVICES", "0,1"), ("CUDA_HOME", "/usr/local/cuda"),
        ("LD_LIBRARY_PATH", "/opt/lib"),
        ("LD_PRELOAD", "/usr/lib/libtcmalloc.so.4"), ("PYTHONSTARTUP", "/home/user/.pythonrc"), ("PYTHONPATH", "src"),
        ("BASH_ENV", "/etc/bash_env"),
        ("TOKENIZERS_PARALLELISM", "false"), ("MAX_TOKENS", "4096"), ("VLLM_MAX_NUM_BATCHED_TOKENS", "8k"),
        ("TOKEN_LIMIT", "1000"), ("USE_AUTH_TOKEN", "False"),
        ("KEYBOARD_LAYOUT", "de"), ("XKB_DEFAULT_LAYOUT", "de"), ("LESSKEY", "/home/user/.lesskey"),
        ("SSH_PUBLIC_KEY", "ssh-ed25519 AAAA"), ("NV_CUDNN_PACKAGE_DEV_HEADERS", "libcudnn9-headers-cuda-13=9.1-1"),
        ("XDG_SEAT_PATH", "/org/freedesktop/DisplayManager/Seat0"), ("XDG_RUNTIME_DIR", "/run/user/1000"), ("DISPLAY", ":0"),
        ("XAUTHORITY", "/home/user/.Xauthority"),
        ("SSH_CONNECTION", "192.0.2.1 5 192.0.2.2 22"), ("SSH_TTY", "/dev/pts/0"), ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("DATABASE_URL", "postgresql://app@db.example.com/app"), ("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1"),
        ("REDIS_URL", "redis://127.0.0.1:6379/0"),
        ("HF_HOME", "/data/hf_models_cache_2024/hub"), ("MODEL", "hf_transformers-example-model-7b"), ("OMP_NUM_THREADS", "8"),
        ("NCCL_DEBUG", "INFO"),
        ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True"), ("WEBUI_AUTH", "True"), ("GOPROXY", "direct"),
        ("PS1", r"\u@\h:\w\$ "), ("COMPASS", "north"),
        ("API_URL", "http://127.0.0.1:8000/@me"),
        ("EMAIL", "user@example.com"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"), ("MONKEY", "banana"),
        ("AUTHOR", "somebody"), ("PIN_MEMORY", "1"), ("EOS_TOKEN_ID", "128001"),
        ("VLLM_ARGS", "--max-num-batched-tokens=4096 --max-token=512"), ("KEY_REPEAT_RATE", "30"), ("SGLANG_ENABLE_AUTH", "1"),
        ("EMPTY", ""),
    ],
)  # fmt: skip
def test_everything_else_passes(name: str, value: str) -> None:
    result = safe({name: value})
    assert result.withheld == ()
    assert result.environment[name] == value


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_known_by_its_value(secret: str) -> None:
    assert value_is_secret(secret)
    assert value_is_secret(f"--flag '{secret}'")
    assert safe({"ZEBRA": secret}).withheld == ("ZEBRA",)


@pytest.mark.parametrize("text", ["://", "a:b@", "sk-", "password=", "eyJ.", "://a:b"])
def test_a_long_value_takes_no_time(text: str) -> None:
    # The longest that Linux takes; a pattern that tries every start would need minutes.
    value = text * (131_000 // len(text))
    assert value_is_secret(value) is value_is_secret(text * 2)


# Texts.


@settings(max_examples=15)
@given(environments)
@example(
    {"A_TOKEN\nexport HF_HUB_OFFLINE=0 #": "zebra", "B": "x'$(exit 3)\n\\", "HF_TOKEN": "zebra", "SENTRY_DSN": "zebra"}
)
def test_a_real_shell_comes_to_the_same_environment(environment: dict[str, str]) -> None:
    # A shell keeps to itself what it cannot name, and has variables of its own.
    environment = {name: value for name, value in environment.items() if name.isascii() and name.isidentifier()}
    for own in (
        "PWD",
        "OLDPWD",
        "_",
        "SHLVL",
        "IFS",
        "PS1",
        "PS2",
        "PS4",
        "ENV",
        "PATH",
        "PPID",
        "OPTIND",
        "LINENO",
        "MAIL",
    ):
        environment.pop(own, None)
    environment["PATH"] = os.environ["PATH"]
    text = shell(safe(environment), environment)
    done = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1"; exec env -0', "sh", text],
        env=environment,
        capture_output=True,
        check=True,
        timeout=30,
    )
    pairs = [entry.partition("=") for entry in done.stdout.decode().split("\0") if entry]
    reached = {name: value for name, _, value in pairs if name not in ("PWD", "OLDPWD", "_", "SHLVL")}
    assert reached == safe(environment).environment


def test_a_hostile_name_does_not_become_a_command() -> None:
    environment = {"A_TOKEN\ntouch pwned #": "zebra", "B_TOKEN;id": "zebra", "C-TOKEN": "zebra", "HF_TOKEN": "zebra"}
    text = shell(safe(environment), environment)
    assert "pwned" not in text
    assert "id\n" not in text
    assert "unset HF_TOKEN\n" in text
    assert "# 3 with names that a shell cannot unset\n" in text


@settings(max_examples=50)
@given(environments)
def test_no_text_shows_a_value_of_the_caller(environment: dict[str, str]) -> None:
    marked = {name: f"{value}zebra-quagga" for name, value in environment.items()}
    result = safe(marked)
    texts = difference(result) + shell(result, marked) + json.dumps(as_json(result)) + repr(result)
    assert "zebra-quagga" not in texts
    assert "\x1b" not in difference(result)


def test_the_difference_says_what_happened_and_why() -> None:
    result = safe(
        {"DO_NOT_TRACK": "true", "HF_TOKEN": "zebra", "SSLKEYLOGFILE": "/tmp/keys", "X_TOKEN\x1b[2J": "zebra"}
    )
    lines = difference(result).splitlines()
    assert "corrected  SSLKEYLOGFILE unset  (Python, Node.js, curl, Chromium: TLS keys in a file)" in lines
    assert any(line.startswith("corrected  DO_NOT_TRACK=1  (vLLM, ") for line in lines)
    assert any(line.startswith("added      HF_HUB_OFFLINE=1  (huggingface_hub, ") for line in lines)
    assert lines[-2:] == ["withheld   HF_TOKEN", r"withheld   'X_TOKEN\x1b[2J'"]
    assert len(lines) == len(result.added) + len(result.corrected) + len(result.withheld)


def test_machines_are_told_what_to_set_and_unset() -> None:
    environment = {"HF_TOKEN": "zebra", "SSLKEYLOGFILE": "/tmp/keys", "HF_HUB_OFFLINE": "0", "TERM": "dumb"}
    result = safe(environment)
    told = as_json(result)
    unset, changed = told["unset"], told["set"]
    assert isinstance(unset, list)
    assert isinstance(changed, dict)
    assert {
        **{name: value for name, value in environment.items() if name not in unset},
        **changed,
    } == result.environment
    assert told["corrected"] == ["HF_HUB_OFFLINE", "SSLKEYLOGFILE"]
    assert told["withheld"] == ["HF_TOKEN"]


def test_a_name_is_shown_so_that_a_terminal_survives() -> None:
    assert [shown(name) for name in ("HF_TOKEN", "a\nb", "\x1b[2J", "ключ")] == [
        "HF_TOKEN", r"'a\nb'", r"'\x1b[2J'", r"'\u043a\u043b\u044e\u0447'"
    ]  # fmt: skip


def test_the_page_has_every_setting() -> None:
    page = environment_page()
    for setting in CATALOGUE:
        assert page.count(f"\n| `{setting.name}` | ") == 1
        assert setting.source in page


def test_a_start_is_not_slowed() -> None:
    code = (
        "import sys; before = set(sys.modules); import privet.environment\n"
        "new = [name for name in sys.modules if name not in before]; import json; print(json.dumps(new))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(json.loads(done.stdout))
    assert "privet.environment" in loaded
    assert not loaded & {
        "ctypes",
        "subprocess",
        "json",
        "asyncio",
        "threading",
        "pathlib",
        "privet.detect",
        "privet.hardening",
    }


# Real programs.


def ask(code: str, **environment: str) -> str:
    """Return what a Python program prints in the safe environment of a person who set everything to the weakest."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=safe({**PLAIN, **environment}).environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.strip()


def test_huggingface_hub_is_offline_and_silent() -> None:
    pytest.importorskip("huggingface_hub")
    code = (
        "from huggingface_hub import constants as c\n"
        "print(c.is_offline_mode(), c.HF_HUB_DISABLE_TELEMETRY, c.HF_HUB_DISABLE_IMPLICIT_TOKEN, c.HF_DEBUG)"
    )
    assert ask(code, HF_HUB_OFFLINE="0", HF_HUB_DISABLE_TELEMETRY="no", HF_DEBUG="1") == "True True True False"


def test_huggingface_hub_has_no_token_unless_it_is_passed(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    code = "from huggingface_hub import get_token; print(get_token())"
    assert ask(code, HF_TOKEN="hf_zebra", HF_HOME=str(tmp_path)) == "None"


def test_langchain_and_langsmith_do_not_trace() -> None:
    pytest.importorskip("langchain_core")
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from langchain_core.tracers.context import _tracing_v2_is_enabled\n"
        "from langsmith.utils import tracing_is_enabled; print(_tracing_v2_is_enabled(), tracing_is_enabled())"
    )
    assert ask(code, LANGCHAIN_TRACING_V2="true", LANGSMITH_TRACING="true", LANGSMITH_API_KEY="zebra") == "False False"


def test_datasets_is_offline() -> None:
    pytest.importorskip("datasets")
    code = "from datasets import config; print(config.HF_HUB_OFFLINE, config.HF_UPDATE_DOWNLOAD_COUNTS)"
    assert ask(code, HF_DATASETS_OFFLINE="0", HF_UPDATE_DOWNLOAD_COUNTS="1") == "True False"


def test_wheels_of_other_makers_read_it_so() -> None:
    """The readings of five more makers, as their releases write them, over what a program gets."""
    code = (
        "import os; e = os.environ.get\n"
        "print((e('VLLM_DO_NOT_TRACK') or e('DO_NOT_TRACK') or '0') == '1',\n"  # vLLM
        "  e('RAY_USAGE_STATS_ENABLED') == '0',\n"
        "  e('BENTOML_DO_NOT_TRACK', 'False').lower() == 'true',\n"
        "  e('GRADIO_ANALYTICS_ENABLED', 'True') != 'True',\n"
        "  e('ANONYMIZED_TELEMETRY', 'true').lower()[:1] not in 'ty1')"  # browser-use
    )
    weak = dict.fromkeys(("VLLM_DO_NOT_TRACK", "BENTOML_DO_NOT_TRACK", "GRADIO_ANALYTICS_ENABLED"), "True")
    assert ask(code, **weak, ANONYMIZED_TELEMETRY="", RAY_USAGE_STATS_ENABLED="1") == "True True True True True"


@pytest.fixture
def started(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs an installed program in the safe environment and a home of its own."""

    def run(*words: str, typed: str = "", **environment: str) -> str:
        if shutil.which(words[0]) is None:
            pytest.skip(f"{words[0]} is not installed")
        own = safe({**PLAIN, "HOME": str(tmp_path), **environment}).environment
        done = subprocess.run(
            words, env=own, input=typed, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path
        )
        return done.stdout.strip()

    return run


def test_bash_keeps_no_history(started: Callable[..., str], tmp_path: Path) -> None:
    # Without the setting the same lines are kept, or this would prove nothing.
    weak = {**PLAIN, "HOME": str(tmp_path), "HISTFILE": str(tmp_path / "kept")}
    bash = shutil.which("bash") or pytest.skip("bash is not installed")
    subprocess.run(
        [bash, "--norc", "-i"],
        env=weak,
        input="echo zebra\nexit\n",
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert "zebra" in (tmp_path / "kept").read_text(encoding="utf-8")
    (tmp_path / "kept").unlink()
    assert "zebra" in started("bash", "--norc", "-i", typed="echo zebra\nexit\n", HISTFILE=str(tmp_path / "kept"))
    assert list(tmp_path.iterdir()) == []
    assert Path("/dev/null").is_char_device()


def test_npm_neither_checks_for_versions_nor_reports_packages(started: Callable[..., str]) -> None:
    asked = ("npm", "config", "get", "update-notifier", "audit", "fund")
    assert started(*asked).splitlines() == ["update-notifier=false", "audit=false", "fund=false"]


def test_gcloud_reports_no_usage(started: Callable[..., str], tmp_path: Path) -> None:
    asked = ("gcloud", "config", "get", "core/disable_usage_reporting")
    assert started(*asked, CLOUDSDK_CONFIG=str(tmp_path / "gcloud")).lower() == "true"
