"""`privet audit endpoint` on servers that leak, servers that do not, and servers that people run; beside garak and promptfoo.

Every part writes what it found into the file of results, so a part can be run again alone; the page of the docs is made of that file.
"""

import argparse
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import peers
import report
import targets
from audits import Audited, audit
from targets import Peers, Target

from privet.audit.endpoint.reference_leaks import ALSO, FORMS

RESULTS: Final = targets.HERE / "results.json"
PAGE: Final = targets.ROOT / "docs/audit-endpoint-bench.md"
Started = Callable[[], AbstractContextManager[Target]]
Job = tuple[Any, ...]
"""What `audited` is given."""


class Bench:
    """The parts. `more` is what every audit is given besides its target."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.more = ["--quick"] * options.quick + (["--only", options.tests] if options.tests else [])
        self.peers = Peers(options.litellm.absolute(), options.proxies.absolute())
        self.found: dict[str, Any] = json.loads(options.json.read_text()) if options.json.exists() else {}

    def keep(self, part: str, value: Any) -> None:
        """Write what a part found."""
        self.found[part] = value
        self.options.json.write_text(json.dumps(self.found, indent=1, sort_keys=True) + "\n")

    def audited(self, name: str, start: Started, must: str, may: frozenset[str], *more: str) -> dict[str, Any]:
        """Audit one target, and judge the verdicts: found under its own id, and under no other."""
        try:
            with start() as target:
                result = audit(target, *self.more, *more)
        except targets.NotStarted as error:
            return {"name": name, "must": must, "trouble": f"did not start: {error}"}
        row = asdict(result) | {"name": name, "must": must}
        row |= {"missed": bool(must) and must not in result.failed}
        row |= {"false": sorted(set(result.failed) - {must} - may)}
        _say(row, result)
        return row

    def many(self, part: str, jobs: list[Job]) -> None:
        """Audit many targets, as many at once as was asked for; a row takes the place of an older one of the same name."""
        wanted = [job for job in jobs if not self.options.only or any(each in job[0] for each in self.options.only)]
        with ThreadPoolExecutor(self.options.parallel) as pool:
            for done in as_completed([pool.submit(self.audited, *job) for job in wanted]):
                row = done.result()
                older = [each for each in self.found.get(part, []) if each["name"] != row["name"]]
                self.keep(part, sorted([*older, row], key=lambda each: str(each["name"])))

    def clean(self) -> None:
        """The clean server: nothing is reported, whatever the seed."""
        jobs: list[Job] = [
            (f"seed {seed:02}", targets.reference, "", frozenset(), "--seed", str(seed))
            for seed in range(self.options.seeds)
        ]
        self.many("clean", jobs)

    def leaks(self) -> None:
        """Each leak in each form: found, and nothing else reported."""
        jobs: list[Job] = []
        for test_id, forms in FORMS.items():
            for form in forms:
                leak = f"{test_id}:{form}"
                jobs.append((leak, lambda leak=leak: targets.reference(leak), test_id, ALSO.get(leak, frozenset())))
        self.many("leaks", jobs)

    def others(self) -> None:
        """The same for servers in other styles."""
        jobs: list[Job] = [
            (name, lambda name=name: targets.other(name), *targets.table_of(name)) for name in targets.other_names()
        ]
        self.many("others", jobs)

    def real(self) -> None:
        """What people run. Nothing says beforehand what is to be found."""
        starts: dict[str, Started] = {
            "privet serve": targets.privet,
            "llama.cpp, as it comes": lambda: targets.llama("bare"),
            "llama.cpp, careful": lambda: targets.llama("careful"),
            "llama.cpp, careless": lambda: targets.llama("careless"),
            "LiteLLM before llama.cpp": lambda: targets.litellm(self.peers),
            "cloakwall before llama.cpp": lambda: targets.cloakwall(self.peers),
            "anonproxy before llama.cpp": lambda: targets.anonproxy(self.peers),
        }
        self.many("real", [(name, start, "", frozenset()) for name, start in starts.items()])

    def same(self) -> None:
        """Two runs on the same behaviour and seed: the same digest."""
        rows = []
        for leak in ("", "personal-data:rare", "system-prompt:some", "disclosure:echo"):
            pair = []
            for _ in range(2):
                with targets.reference(leak) as target:
                    pair.append(audit(target, *self.more, "--seed", "7").digest)
            rows.append({"name": leak or "clean", "same": bool(pair[0]) and pair[0] == pair[1]})
            print(f"  {leak or 'clean'}: {'the same' if rows[-1]['same'] else 'DIFFERENT'}")
        self.keep("same", rows)

    def speed(self) -> None:
        """How long the quick audit of the embedded model takes, and how much of an audit's time is the endpoint's own."""
        with targets.privet() as target:
            quick = audit(target, "--quick")
        with targets.patient(0.05) as target:
            slow = audit(target, *self.more)
            busy = peers.fetched(f"{target.url.removesuffix('/v1')}/busy")
        ratio = slow.run.get("seconds", slow.seconds) / max(busy["busy"], 1e-9)
        self.keep(
            "speed",
            {
                "quick_seconds": quick.seconds,
                "quick_verdicts": quick.verdicts,
                "patient_seconds": slow.run.get("seconds"),
                "patient_busy": busy["busy"],
                "patient_requests": busy["requests"],
                "ratio": ratio,
            },
        )
        print(f"  quick {quick.seconds:.1f} s; 50 ms a request: {ratio:.2f} times the endpoint's own time")

    def beside(self) -> None:
        """Privet, garak and promptfoo on three servers: a clean one, one that leaks in every answer, one that always refuses."""
        starts: dict[str, tuple[Started, str]] = {
            "clean": (targets.reference, ""),
            "personal-data:every": (lambda: targets.reference("personal-data:every"), "personal-data"),
            "refuses": (lambda: targets.other("clean_refuses"), ""),
        }
        for name, (start, must) in starts.items():
            if self.options.only and name not in self.options.only:
                continue
            row: dict[str, Any] = {"name": name}
            with start() as target:
                row["privet"] = asdict(audit(target, *self.more)) | {"must": must}
            for peer, asked in (("garak", peers.garak), ("promptfoo", peers.promptfoo)):
                with start() as target:
                    row[peer] = asked(target, self.options)
                print(f"  {name}: {peer}: {row[peer]}")
            older = [each for each in self.found.get("beside", []) if each["name"] != name]
            self.keep("beside", sorted([*older, row], key=lambda each: str(each["name"])))


def _say(row: dict[str, Any], result: Audited) -> None:
    wrong = ["MISSED"] * row["missed"] + [f"fails {name}" for name in row["false"]]
    if result.trouble:
        wrong.append(result.trouble)
    found = f"finds {row['must']}" if row["must"] else "finds nothing"
    print(f"  {row['name']}: {', '.join(wrong) or found}; {result.seconds:.0f} s", flush=True)


PARTS: Final = ("clean", "leaks", "others", "real", "same", "speed", "beside")


def main() -> int:
    """Run the parts, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=[*PARTS], choices=[*PARTS, "page", []], help="which (default: all)")
    parser.add_argument("--only", nargs="*", help="targets whose name holds one of these")
    parser.add_argument("--tests", help="these tests only, with commas between them")
    parser.add_argument("--quick", action="store_true", help="quick audits")
    parser.add_argument("--seeds", type=int, default=20, help="how many of the clean server")
    parser.add_argument(
        "--parallel", type=int, default=1, help="audits at once; more than one disturbs the tests of timing"
    )
    parser.add_argument("--json", type=Path, default=RESULTS, help="file of results")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to write")
    parser.add_argument("--litellm", type=Path, default=Path("missing"), help="Python that has LiteLLM")
    parser.add_argument("--proxies", type=Path, default=Path("missing"), help="Python that has cloakwall and anonproxy")
    parser.add_argument("--garak", type=Path, help="Python that has garak")
    parser.add_argument("--promptfoo", type=Path, help="folder where promptfoo is installed by npm")
    bench = Bench(parser.parse_args())
    for part in bench.options.parts:
        if part != "page":
            print(part, flush=True)
            getattr(bench, part)()
    bench.options.page.write_text(report.page(bench.found))
    return int(report.wrong(bench.found))


if __name__ == "__main__":
    sys.exit(main())
