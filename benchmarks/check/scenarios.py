"""Read the scenarios, lay their trees out and run `privet check --base` on each.

- A path component that starts with `dot_` is laid out with a dot: the trees are data here, not settings of this repository.
- A scenario's repository holds two commits, base and head, in a temporary folder of its own.
- The real command line runs, with an empty cache and no configuration of the user's.
"""

import json
import os
import shutil
import subprocess
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

PULLS = Path(__file__).parent / "pulls"


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    weaker: bool
    paths: tuple[str, ...]
    why: str

    @property
    def folder(self) -> Path:
        return PULLS / self.name


@dataclass(frozen=True, slots=True)
class Outcome:
    scenario: Scenario
    findings: tuple[tuple[str, str], ...]  # rule and path
    error: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the verdict of the set is met: in an expected path for a weakening, anywhere for a harmless change."""
        if self.scenario.weaker:
            return any(path in self.scenario.paths for _, path in self.findings)
        return bool(self.findings)


def load(words: list[str]) -> list[Scenario]:
    found = []
    for file in sorted(PULLS.glob("*/expect.toml")):
        if words and not any(word in file.parent.name for word in words):
            continue
        expected = tomllib.loads(file.read_text(encoding="utf-8"))
        paths = tuple(expected.get("paths", ()))
        if expected["weaker"] and not paths:
            raise SystemExit(f"{file}: a weakening needs `paths`")
        found.append(Scenario(file.parent.name, expected["weaker"], paths, expected["why"]))
    return found


def lay_out(source: Path, target: Path) -> None:
    """Copy a tree of a scenario, with the dots of its names."""
    for file in sorted(source.rglob("*")):
        parts = file.relative_to(source).parts
        # What starts with a dot on disk is a cache that a tool left beside the trees.
        if file.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            parts = tuple("." + part[4:] if part.startswith("dot_") else part for part in parts)
            place = target.joinpath(*parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


def git(repository: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in IDENTITY.items()},
    }
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


IDENTITY = {"NAME": "a contributor", "EMAIL": "contributor@example.com"}


def commit(repository: Path, message: str) -> str:
    # --force: what a scenario commits past its own .gitignore is committed here, too.
    git(repository, "add", "--all", "--force")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(repository, "rev-parse", "HEAD")


def make_repository(scenario: Scenario, repository: Path) -> str:
    """Make base and head commits, head checked out; return the base commit."""
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch", "main")
    lay_out(scenario.folder / "base", repository)
    base = commit(repository, "base")
    git(repository, "switch", "--quiet", "--create", "change")
    git(repository, "rm", "-r", "--quiet", "--force", ".")
    lay_out(scenario.folder / "head", repository)
    commit(repository, "change")
    return base


def judge(scenario: Scenario, privet: Path) -> Outcome:
    with TemporaryDirectory(prefix="privet-pull-") as temporary:
        repository = Path(temporary, "repository")
        base = make_repository(scenario, repository)
        environment = {"PATH": os.environ["PATH"], "HOME": temporary, "XDG_CACHE_HOME": temporary}
        done = subprocess.run(
            [str(privet), "check", "--base", base, "--format", "json"],
            cwd=repository,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    try:
        findings = tuple((finding["rule"], finding["path"]) for finding in json.loads(done.stdout)["findings"])
    except (ValueError, KeyError, TypeError):
        return Outcome(scenario, (), f"exit code {done.returncode}, no findings in the output")
    if done.returncode != bool(findings):
        return Outcome(scenario, findings, f"exit code {done.returncode} with {len(findings)} findings")
    return Outcome(scenario, findings)


def judge_all(scenarios: list[Scenario], privet: Path) -> list[Outcome]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda scenario: judge(scenario, privet), scenarios))
