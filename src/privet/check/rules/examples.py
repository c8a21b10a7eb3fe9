"""Files that a rule must hit and must miss, made from what the rule says: small, and as such files look in repositories.

Invariants: the same rule always gives the same files; the two differ in the one setting; names and addresses are reserved ones.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from privet.check.facts import Space
from privet.check.rule import Example
from privet.check.rules.program import CALLS, PROGRAMS, UNKNOWN, Program
from privet.check.values import TRUE_WORDS, Values

COMMON_NAMES: Final = frozenset((
    "AIOHTTP_CLIENT_SESSION_SSL", "ALLOW_RESET", "API_HOST", "API_KEY", "AUDIT_LOG_LEVEL", "AUTH_DISABLE_SIGNUP",
    "BYPASS_MODEL_ACCESS_CONTROL", "BYPASS_RETRIEVAL_ACCESS_CONTROL", "CHECK_UPDATE_URL", "CORS_ALLOW_ORIGIN",
    "CORS_ORIGINS", "CUSTOM_MCP_SECURITY_CHECK", "DEBUG", "ENABLE_ADMIN_CHAT_ACCESS",
    "ENABLE_ADMIN_EXPORT", "ENABLE_ADMIN_WORKSPACE_CONTENT_ACCESS", "ENABLE_COMMUNITY_SHARING",
    "ENABLE_DIRECT_CONNECTIONS", "ENABLE_OPENAI_API", "ENABLE_OTEL", "ENABLE_RAG_LOCAL_WEB_FETCH", "ENABLE_SIGNUP",
    "ENABLE_VERSION_UPDATE_CHECK", "ENABLE_WEB_LOADER_SSL_VERIFICATION", "ENABLE_WEB_SEARCH", "HOSTNAME",
    "HTTP_SECURITY_CHECK", "IFRAME_ORIGINS", "JWT_EXPIRES_IN", "OFFLINE_MODE", "OTLP_ENDPOINT",
    "PATH_TRAVERSAL_SAFETY", "POSTHOG_PUBLIC_API_KEY", "QUERY_SLOW_LOG_ENABLED", "REQUESTS_VERIFY", "SENTRY_ENABLED",
    "TELEMETRY_ENABLED", "TRUST_REMOTE_CODE", "USAGE_STATS",
))  # fmt: skip
"""Variables whose names other programs use for other things: they say something only where the rule's program is at work."""

_SHARED: Final = frozenset(("ANONYMIZED_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK"))
"""Variables that several programs read, each in its own way."""
_TYPICAL_BAD: Final = {
    "filled": "/var/lib/app/dump",
    "open-host": "0.0.0.0",  # noqa: S104 - what a file says
    "remote": "https://collector.example.com:4318",
    "empty": "",
    "present": "1",
}
_TYPICAL_GOOD: Final = {"open-host": "127.0.0.1", "remote": "http://localhost:4318"}


class _Setting(NamedTuple):
    """A name and its value; None for a file that does not set it."""

    name: str
    value: str | None


def examples_of(
    component: str,
    space: Space,
    names: tuple[str, ...],
    values: Values,
    safe: str,
    hit: str | Example | None,
    miss: str | Example | None,
) -> tuple[Example, Example]:
    """Return the file with the unsafe value and the file with the safe one; those given by hand are kept."""
    name = names[0].removeprefix("env:")
    space = Space.ENV if names[0].startswith("env:") else space
    bad = hit if hit is not None else _bad(values)
    good = miss if miss is not None else _good(values, safe)
    return (
        bad if isinstance(bad, Example) else _file(component, space, name, values, bad),
        good if isinstance(good, Example) else _file(component, space, name, values, good),
    )


def _bad(values: Values) -> str | None:
    if values.test == "never":
        return None
    if values.test in {"only", "only-folded"}:
        return next(word for word in ("false", "true", "0", "other") if values.unsafe((word,)))
    if values.test in {"any-of", "has"}:
        return "true" if "true" in values.words and values.words[0] in TRUE_WORDS else values.words[0]
    if values.test in {"above", "below"}:
        return f"{values.limit + (1 if values.test == 'above' else -1):g}"
    return _TYPICAL_BAD.get(values.test, "true")


def _good(values: Values, safe: str) -> str | None:
    if safe and not safe.startswith("--") and not values.unsafe((safe,)):
        return safe
    if values.test == "never":
        return safe or "1"
    if values.test == "any-of":
        return next(word for word in ("false", "true", "info") if not values.unsafe((word,)))
    return _TYPICAL_GOOD.get(values.test)


def _file(component: str, space: Space, name: str, values: Values, value: str | None) -> Example:
    program = PROGRAMS.get(component, UNKNOWN)
    if space is Space.ENV:
        return _environment(program, name, values, value)
    if space is Space.FLAG:
        return _command(program, name, values, value)
    if space is Space.ARGUMENT:
        return _call(name, value)
    return _config(program, name, value)


def _turn(name: str, count: int) -> int:
    return sum(map(ord, name)) % count


def _environment(program: Program, name: str, values: Values, value: str | None) -> Example:
    setting = _Setting(name, value)
    if name in COMMON_NAMES or (name in _SHARED and program is not UNKNOWN):
        return (_compose, _kubernetes)[_turn(name, 2)](program, setting)
    if values.test == "open-host":
        # In a container the address is no finding: what is published counts.
        return (_dotenv, _shell, _systemd)[_turn(name, 3)](program, setting)
    makers = (_compose, _dotenv, _dockerfile, _kubernetes, _systemd, _shell, _workflow, _python)
    return makers[_turn(name, len(makers))](program, setting)


def _compose(program: Program, setting: _Setting) -> Example:
    lines = f'      {setting.name}: "{setting.value}"\n' if setting.value is not None else ""
    text = f'services:\n  app:\n    image: {program.image}\n    environment:\n      TZ: "UTC"\n{lines}    restart: unless-stopped\n'
    return Example("deploy/compose.yaml", text)


def _dotenv(_: Program, setting: _Setting) -> Example:
    line = f"{setting.name}={setting.value}\n" if setting.value is not None else ""
    return Example("deploy/.env", f"# what the services get\nTZ=UTC\n{line}")


def _dockerfile(program: Program, setting: _Setting) -> Example:
    line = f'ENV {setting.name}="{setting.value}"\n' if setting.value is not None else ""
    return Example("Dockerfile", f"FROM {program.image}\nENV TZ=UTC\n{line}USER 1000\n")


def _kubernetes(program: Program, setting: _Setting) -> Example:
    entry = (
        f'            - name: {setting.name}\n              value: "{setting.value}"\n'
        if setting.value is not None
        else ""
    )
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  selector:\n    matchLabels: {app: app}\n"
        "  template:\n    metadata:\n      labels: {app: app}\n    spec:\n      containers:\n        - name: app\n"
        f"          image: {program.image}\n          env:\n            - name: TZ\n              value: UTC\n{entry}"
    )
    return Example("k8s/deployment.yaml", text)


def _systemd(program: Program, setting: _Setting) -> Example:
    line = f'Environment="{setting.name}={setting.value}"\n' if setting.value is not None else ""
    start = program.command or "/usr/bin/true"
    path = start if start.startswith("/") else f"/usr/local/bin/{start}"
    return Example("deploy/app.service", f"[Unit]\nDescription=app\n\n[Service]\n{line}ExecStart={path}\n")


def _shell(program: Program, setting: _Setting) -> Example:
    line = f"export {setting.name}='{setting.value}'\n" if setting.value is not None else ""
    return Example("scripts/start.sh", f"#!/bin/sh\nset -eu\n{line}{program.command or 'python train.py'}\n")


def _workflow(_: Program, setting: _Setting) -> Example:
    line = f'      {setting.name}: "{setting.value}"\n' if setting.value is not None else ""
    text = (
        "name: nightly\non: workflow_dispatch\npermissions: {}\njobs:\n  run:\n    runs-on: ubuntu-24.04\n"
        f'    env:\n      TZ: "UTC"\n{line}    steps:\n      - run: make nightly\n'
    )
    return Example(".github/workflows/nightly.yml", text)


def _python(_: Program, setting: _Setting) -> Example:
    line = f'os.environ["{setting.name}"] = "{setting.value}"\n' if setting.value is not None else ""
    return Example("src/settings.py", f'import os\n\nos.environ["TZ"] = "UTC"\n{line}')


def _command(program: Program, name: str, values: Values, value: str | None) -> Example:
    words = _words(name, values, value)
    line = program.command.replace(" {}", words) if "{}" in program.command else program.command + words
    if program.image == UNKNOWN.image or values.test == "open-host":
        return Example("scripts/serve.sh", f"#!/bin/sh\nset -eu\n{line}\n")
    kind = _turn(name, 3)
    if kind == 0:
        return Example("scripts/serve.sh", f"#!/bin/sh\nset -eu\nexec {line}\n")
    if kind == 1:
        text = f"services:\n  model:\n    image: {program.image}\n    command: {_after(program, words)}\n"
        return Example("compose.yaml", text)
    return Example("deploy/model.service", f"[Service]\nExecStart=/usr/local/bin/{line}\nRestart=on-failure\n")


def _words(name: str, values: Values, value: str | None) -> str:
    if value is None:
        return ""
    if values.test in {"present", "never"} or value == "present":
        return f" {name}"
    return f" {name}={value or chr(39) * 2}" if name.startswith("--") else f" {name} {value}"


def _after(program: Program, words: str) -> str:
    """Return the arguments alone, as an image with an entrypoint takes them."""
    _, _, arguments = program.command.replace(" {}", "").partition(" ")
    return (program.arguments or arguments) + words


def _call(name: str, value: str | None) -> Example:
    callee, _, keyword = name.rstrip(")").partition("(")
    template = CALLS.get(callee) or _module(callee)
    if not keyword:
        return Example("src/train.py", template.replace("{}", "") if value is not None else "READY = True\n")
    given = literal(value) if value is not None else ""
    pair = f"{keyword}={given}" if given and not keyword.isdigit() else given
    first = template.replace("({})", f"({pair})")
    return Example("src/train.py", first.replace("{}", f", {pair}" if pair else ""))


def _module(callee: str) -> str:
    """Return a module that calls a function or makes an object, as such modules look."""
    package, _, last = callee.rpartition(".")
    if last[:1].isupper():
        return f"from {package} import {last}\n\nmade = {last}({{}})\n"
    return f"import {package}\n\n{callee}({{}})\n"


def literal(value: str) -> str:
    """Return a value as Python spells it: text in quotes unless it is a literal already."""
    return (
        value
        if re.fullmatch(r"(?:True|False|None|-?\d+(?:\.\d+)?(?:e-?\d+)?|[\"'\[({].*|\w+\.\w+)", value, re.DOTALL)
        else f'"{value}"'
    )


def _config(program: Program, name: str, value: str | None) -> Example:
    """Return a YAML file with the dotted name, below what tells whose file it is."""
    parts = name.removeprefix("*.").split(".")
    if value is None:
        return Example(program.config, program.around or "name: example\n")
    text = program.around
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        indent = "  " * depth
        bare = part.removesuffix("[]")
        text += f"{indent}{bare}:"
        text += f"\n{indent}  - {value}\n" if last and part != bare else f" {value}\n" if last else "\n"
    return Example(program.config, text)
