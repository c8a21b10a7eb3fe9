"""What other scanners say about the same scenarios: findings of the head that the base does not have.

None of them compares two sides, so each scans all trees once and the difference is taken here, in their favour: a rule that fires
as often in the head as in the base counts as nothing new, wherever it fires, so a moved file is no new finding for them.
Versions and severities as the packages come; no account, no download.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from scenarios import Scenario, lay_out

Found = list[tuple[str, str]]  # rule, and path relative to the folder of all trees
Scan = Callable[[Path, Path], Found]


def start(program: Path, *arguments: str, folder: Path) -> str:
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "CHECKOV_PARALLELIZATION_TYPE": "none",
    }
    done = subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    return done.stdout


def checkov(program: Path, trees: Path) -> Found:
    output = start(program, "-d", ".", "-o", "json", "--quiet", "--compact", "--skip-download", folder=trees)
    reports = json.loads(output)
    checks = [
        check
        for report in (reports if isinstance(reports, list) else [reports])
        for check in report.get("results", {}).get("failed_checks", ())
    ]
    return [(check["check_id"], check["file_path"].lstrip("/")) for check in checks]


def bandit(program: Path, trees: Path) -> Found:
    report = json.loads(start(program, "-r", ".", "-f", "json", "-q", folder=trees))
    return [(issue["test_id"], os.path.normpath(issue["filename"])) for issue in report["results"]]


def zizmor(program: Path, trees: Path) -> Found:
    found = []
    # One start for each tree: zizmor looks for .github/workflows in the folder that it is given.
    for workflows in sorted(trees.glob("*/*/.github/workflows")):
        tree = workflows.parent.parent
        output = start(
            program, "--offline", "--no-progress", "--format", "json", str(tree.relative_to(trees)), folder=trees
        )
        for finding in json.loads(output or "[]"):
            for location in finding["locations"]:
                if location["symbolic"]["kind"] == "Primary":
                    key = location["symbolic"]["key"]["Local"]
                    found.append((finding["ident"], key["verbatim_path"].removeprefix("./")))
    return found


def hadolint(program: Path, trees: Path) -> Found:
    files = [str(file.relative_to(trees)) for file in sorted(trees.rglob("Dockerfile"))]
    if not files:
        return []
    return [
        (issue["code"], issue["file"]) for issue in json.loads(start(program, "--format", "json", *files, folder=trees))
    ]


def detect_secrets(program: Path, trees: Path) -> Found:
    report = json.loads(start(program, "scan", "--all-files", "--no-verify", ".", folder=trees))
    return [(secret["type"], path) for path, secrets in report["results"].items() for secret in secrets]


SCANNERS: dict[str, Scan | str] = {
    "checkov": checkov,
    "bandit": bandit,
    "zizmor": zizmor,
    "hadolint": hadolint,
    "detect-secrets": detect_secrets,
    # Its package holds the engine alone: every rule pack comes from the registry.
    "semgrep": "not run: no rule ships with the package",
    "trivy": "not run: no package on the index holds it",
}


def new_paths(base: Found, head: Found) -> set[str]:
    """Return the paths where a rule fires more often in the head, for rules that fire more often in the whole tree."""
    before, after = Counter(base), Counter(head)
    rules_before, rules_after = Counter(rule for rule, _ in base), Counter(rule for rule, _ in head)
    return {
        path
        for (rule, path), count in after.items()
        if rules_after[rule] > rules_before[rule] and count > before[rule, path]
    }


def verdicts(found: Found, scenarios: list[Scenario]) -> dict[str, bool]:
    by_tree: dict[tuple[str, str], Found] = {}
    for rule, path in found:
        name, side, rest = path.split("/", 2)
        by_tree.setdefault((name, side), []).append((rule, rest))
    flagged = {}
    for scenario in scenarios:
        paths = new_paths(by_tree.get((scenario.name, "base"), []), by_tree.get((scenario.name, "head"), []))
        flagged[scenario.name] = bool(paths & set(scenario.paths)) if scenario.weaker else bool(paths)
    return flagged


def score_peers(scenarios: list[Scenario], venv: Path) -> dict[str, dict[str, bool] | str]:
    results: dict[str, dict[str, bool] | str] = {}
    with TemporaryDirectory(prefix="privet-peers-") as temporary:
        trees = Path(temporary, "trees")
        for scenario in scenarios:
            for side in ("base", "head"):
                lay_out(scenario.folder / side, trees / scenario.name / side)
        for name, scan in SCANNERS.items():
            program = venv / "bin" / name
            if isinstance(scan, str):
                results[name] = scan
            elif not program.exists():
                results[name] = "not installed"
            else:
                results[name] = verdicts(scan(program, trees), scenarios)
    ran = [result for result in results.values() if isinstance(result, dict)]
    together = {s.name: any(result[s.name] for result in ran) for s in scenarios}
    return {**results, "all of these together": together}
