"""Rules that no name and value can state: a reader finds them, and gives a fact `code:<id>`, or a guard with the id.

What has to trigger them:

- `data-personal`, `notebook-output-personal`: personal identifiers in a data file, or in what a notebook's cells printed.
- `weights-pickled`, `weights-telling`: a pickle, or a torch archive with one; a header with its maker's names or paths.
- `gate-weakened`: the step that runs `privet check` may fail, or does not run.
- `card-without-privacy`: a model card without a section on privacy.
- `python-logs-content`: a logging call or print, in a module that serves, that shows a variable with what people wrote.

Guards, broken where no unit of their name is left: `python-scrub-removed` (a call that scrubs, redacts or drops columns),
`python-auth-removed` (a dependency that asks for a key or a user), `python-encryption-removed`, `training-dp-removed` (make_private),
`k8s-networkpolicy-removed` (a policy that denies egress), `ignore-line-removed` (a
line of .gitignore or .dockerignore that keeps data out), `card-privacy-removed`, `gate-step-removed`
and `gate-hook-removed` (what runs `privet check`).

Comparisons of privet.toml itself: `privet-policy-weaker`, `privet-exception-added`, `privet-policy-broken`.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import (
    CONTENT,
    DATA,
    DOOR,
    GATE,
    LOGS,
    SAFE,
    SENT,
    UNVETTED,
    UPLOAD,
    WEAKER,
    Line,
    Stake,
    key,
    read_by,
)
from privet.check.values import added, present


def _found(rule_id: str, stake: Stake, why: str, remedy: str, hit: Example, miss: Example) -> Line:
    return key(rule_id, f"code:{rule_id}", present(), stake, SAFE, "", why, remedy=remedy, hit=hit, miss=miss)


def _lost(rule_id: str, stake: Stake, why: str, remedy: str, after: Example, before: Example) -> Line:
    """Return a guard: the hit is the file after the change, the miss the file before it."""
    return key(rule_id, f"code:{rule_id}", present(), stake, WEAKER, "", why, remedy=remedy, hit=after, miss=before)


_CARD: Final = "---\nlicense: apache-2.0\nlibrary_name: transformers\n---\n# Model\n\nA small model.\n"
_CELL: Final = (
    '{{"cells": [{{"cell_type": "code", "execution_count": 1, "metadata": {{}}, "source": ["print(rows)"], "outputs": '
    '[{{"output_type": "stream", "name": "stdout", "text": ["{}\\n"]}}]}}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}}\n'
)
_APP: Final = "from fastapi import {}\n\n{}app = FastAPI()\n\n\n@app.get('/chats'{})\ndef chats():\n    return []\n"
_STORE: Final = "{}from database import put\n\n\ndef keep(text, key):\n    put({})\n"
_POLICY: Final = (
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: model\nspec:\n  podSelector:\n"
    "    matchLabels: {app: model}\n"
    "  policyTypes: [Egress]\n  egress: []\n---\n"
)
_PODS: Final = (
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: model\n  labels: {app: model}\nspec:\n  containers:\n    - name: server\n"
    "      image: registry.example.com/team/model:1.4\n"
)
_WORKFLOW: Final = (
    "name: checks\non: pull_request\npermissions: {}\njobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"
)

CONTENTS: Final = (
    *read_by("any", "documentation docs/check.md",
        _found("data-personal", DATA, "personal identifiers of people are in the repository, and in its history",
            "take the file out, and scrub it before it comes back",
            Example("data/tickets.csv",
            "id,email,text\n1,erika.mustermann@mail-example-host.de,hello\n2,max.mustermann@mail-example-host.de,hi\n"
            "3,anna.schmidt@mail-example-host.de,hey\n"),
            Example("data/tickets.csv", "id,topic,text\n1,login,hello\n2,billing,hi\n")),
        _found("notebook-output-personal", DATA, "what a notebook printed holds personal identifiers of people",
            "clear the outputs before committing",
            Example("explore.ipynb", _CELL.format("erika.mustermann@mail-example-host.de, max.mustermann@mail-example-host.de, "
            "anna.schmidt@mail-example-host.de")),
            Example("explore.ipynb", _CELL.format("3 rows")))),
    *read_by("any", "documentation docs/check.md",
        _found("weights-pickled", UNVETTED, "weights are a pickle, which runs code when it is read", "convert them to safetensors",
            Example("model/pytorch_model.bin",
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
            "size 12345\n"),
            Example("model/model.safetensors.txt", "version https://git-lfs.github.com/spec/v1\n")),
        _found("weights-telling", DATA, "the header of the weights tells who made them, and where", "take the notes out: privet strip",
            Example("model/model.gguf", "GGUF\x03\x01\x01general.author erika /home/erika/train"), Example("model/model.gguf",
            "GGUF\x03\x01\x01general.architecture llama"))),
    *read_by("any", "documentation huggingface.co/docs/hub/model-cards",
        _found("card-without-privacy", DATA.noted, "the model card says nothing of the people whose data it was trained on",
            "add a section on privacy: privet init",
            Example("README.md", _CARD), Example("README.md", _CARD + "\n## Privacy\n\nNo personal data was used.\n")),
        _lost("card-privacy-removed", DATA, "the model card no longer says what was done for privacy", "keep the section",
            Example("README.md", _CARD), Example("README.md", _CARD + "\n## Privacy\n\nNo personal data was used.\n"))),
)  # fmt: skip

STEPS: Final = (
    *read_by("python", "documentation docs/check.md",
        _found("python-logs-content", CONTENT, "what people write is written to the log", "log its length or a count",
            Example("src/app.py", 'import logging\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n'
            'logger = logging.getLogger(__name__)\n\n\n@app.post("/chat")\n'
                'def chat(prompt: str) -> str:\n    logger.info("asked %s", prompt)\n    return ""\n'),
            Example("src/app.py", 'import logging\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n'
            'logger = logging.getLogger(__name__)\n\n\n@app.post("/chat")\n'
                'def chat(prompt: str) -> str:\n    logger.info("asked %d characters", len(prompt))\n    return ""\n')),
        key("python-shows-content", "code:python-shows-content", added(), CONTENT, SAFE, "", "what people write is printed or logged",
            remedy="print its length or a count", hit=Example("src/run.py", "def run(letter):\n    print(letter)\n"),
            miss=Example("src/run.py", "def run(letter):\n    print(len(letter))\n")),
        _lost("shell-hardening-removed", LOGS, "memory or core dumps may reach the disk, or a firewall is open", "keep the command",
            Example("scripts/up.sh", "vllm serve m\n"), Example("scripts/up.sh", "swapoff -a\nvllm serve m\n")),
        _lost("python-scrub-removed", UPLOAD, "personal data is no longer taken out before it goes on", "keep the step",
            Example("src/prepare.py", "from cleaning import load\n\nrows = load()\n"),
            Example("src/prepare.py", "from cleaning import load, scrub\n\nrows = [scrub(row) for row in load()]\n")),
        _lost("python-auth-removed", DOOR, "nothing asks any more who calls this endpoint", "keep what asks for a key or a user",
            Example("src/app.py", _APP.format("FastAPI", "", "")),
            Example("src/app.py",
                _APP.format("Depends, FastAPI", "from auth import require_user\n\n", ", dependencies=[Depends(require_user)]"))),
        _lost("python-encryption-removed", UPLOAD, "what was encrypted before it was kept is kept in clear", "keep the step",
            Example("src/store.py", _STORE.format("", "text")),
            Example("src/store.py", _STORE.format("from cryptography.fernet import Fernet\n\n", "Fernet(key).encrypt(text)"))),
        _lost("training-dp-removed", UPLOAD, "the model is trained without differential privacy, and can repeat what single people wrote",
            "keep make_private",
            Example("src/train.py", "from models import model, optimizer, loader\n\nfor batch in loader:\n    optimizer.step()\n"),
            Example("src/train.py", "from opacus import PrivacyEngine\n\nfrom models import model, optimizer, loader\n\n"
                "model, optimizer, loader = PrivacyEngine().make_private(module=model, optimizer=optimizer, data_loader=loader, "
                "noise_multiplier=1.1, max_grad_norm=1.0)\n"
                "for batch in loader:\n    optimizer.step()\n"))),
    *read_by("kubernetes", "documentation kubernetes.io/docs/concepts/services-networking/network-policies",
        _lost("k8s-networkpolicy-removed", SENT, "no policy keeps the pods from sending elsewhere any more",
            "keep the policy that denies egress", Example("k8s/model.yaml", _PODS), Example("k8s/model.yaml", _POLICY + _PODS))),
    *read_by("any", "documentation git-scm.com/docs/gitignore",
        _lost("ignore-line-removed", DATA, "nothing keeps data, secrets or weights out of the repository or the image any more",
            "keep the line",
            Example(".gitignore", "__pycache__/\n"), Example(".gitignore", "__pycache__/\ndata/\n.env\n"))),
)  # fmt: skip

GATES: Final = read_by("privet", "documentation docs/check.md",
    _lost("gate-step-removed", GATE, "nothing looks any more for changes that weaken privacy, or what it finds stops nothing",
        "keep the step that runs privet check",
        Example(".github/workflows/checks.yml", _WORKFLOW + "      - run: make test\n"), Example(".github/workflows/checks.yml",
        _WORKFLOW + "      - run: make test\n      - run: privet check --base origin/main\n")),
    _found("gate-weakened", GATE, "what the gate finds stops nothing", "let the step fail",
        Example(".github/workflows/checks.yml", _WORKFLOW + "      - run: privet check --base origin/main || true\n"),
        Example(".github/workflows/checks.yml", _WORKFLOW + "      - run: privet check --base origin/main\n")),
    _lost("gate-hook-removed", GATE, "nothing looks at a commit any more for what weakens privacy",
        "keep the hook that runs privet check",
        Example(".pre-commit-config.yaml",
        "repos:\n  - repo: local\n    hooks:\n      - id: tests\n        name: tests\n        entry: make test\n"
        "        language: system\n"),
        Example(".pre-commit-config.yaml",
        "repos:\n  - repo: local\n    hooks:\n      - id: privet\n        name: privet\n        entry: privet check\n"
        "        language: system\n")),
    _lost("privet-policy-weaker", GATE, "the policy allows what it did not allow", "keep the setting",
        Example("privet.toml", "[serve]\nmax_body_bytes = 1_000_000\n"), Example("privet.toml",
        '[serve]\nmax_body_bytes = 1_000_000\nprompt_identifiers = "refuse"\n')),
    _lost("privet-exception-added", GATE, "a new exception allows what a rule forbids", "let somebody else agree to it",
        Example("privet.toml", '[[exception]]\nrule = "compose-privileged"\npath = "compose.yaml"\nreason = "the card needs it"\n'
        'owner = "team"\nexpires = 2099-01-01\n'), Example("privet.toml", "[serve]\nmax_body_bytes = 1_000_000\n")),
    _lost("privet-policy-broken", GATE, "the policy cannot be read, so what it said does not hold", "repair the file",
        Example("privet.toml", "[serve\n"), Example("privet.toml", "[serve]\nmax_body_bytes = 1_000_000\n")),
)  # fmt: skip

CODE: Final = (*CONTENTS, *STEPS, *GATES)
