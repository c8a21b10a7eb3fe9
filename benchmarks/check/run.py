"""Print how many weakenings `privet check --base` reaches and how many harmless changes it flags."""

import argparse
import json
import math
import sys
from pathlib import Path

from peers import score_peers
from scenarios import Outcome, judge_all, load


def interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927).
    """
    if not count:
        return 0.0, 1.0
    z = 1.959964
    rate = hits / count
    middle = (rate + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def cell(hits: int, count: int) -> str:
    low, high = interval(hits, count)
    return f"{hits} of {count}, {hits / max(count, 1):.1%} ({low:.1%} to {high:.1%})"


def print_list(title: str, outcomes: list[Outcome]) -> None:
    if not outcomes:
        return
    print(f"\n{title}\n")
    for outcome in outcomes:
        print(f"- {outcome.scenario.name}: {outcome.scenario.why}")
        if outcome.scenario.weaker:
            print(f"  expected in {', '.join(outcome.scenario.paths)}")
        for rule, path in outcome.findings:
            print(f"  found {rule} in {path}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only scenarios with one of these words in their name")
    parser.add_argument(
        "--privet", type=Path, default=Path(sys.executable).with_name("privet"), help="program to judge"
    )
    parser.add_argument(
        "--peers", type=Path, metavar="VENV", help="judge the scanners that are installed in this venv, too"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every verdict")
    options = parser.parse_args()

    outcomes = judge_all(load(options.words), options.privet.absolute())
    weakenings = [outcome for outcome in outcomes if outcome.scenario.weaker]
    harmless = [outcome for outcome in outcomes if not outcome.scenario.weaker]
    misses = [outcome for outcome in weakenings if not outcome.flagged]
    alarms = [outcome for outcome in harmless if outcome.flagged]
    errors = [outcome for outcome in outcomes if outcome.error]

    print("| system | weakenings reached | harmless changes flagged |\n|---|---|---|")
    reached = len(weakenings) - len(misses)
    print(f"| privet check | {cell(reached, len(weakenings))} | {cell(len(alarms), len(harmless))} |")
    if options.peers:
        scenarios = [outcome.scenario for outcome in outcomes]
        for name, verdicts in score_peers(scenarios, options.peers.absolute()).items():
            if isinstance(verdicts, str):
                print(f"| {name} | {verdicts} | |")
                continue
            hits = sum(verdicts[outcome.scenario.name] for outcome in weakenings)
            noise = sum(verdicts[outcome.scenario.name] for outcome in harmless)
            print(f"| {name} | {cell(hits, len(weakenings))} | {cell(noise, len(harmless))} |")

    print_list("Missed:", misses)
    print_list("Flagged though harmless:", alarms)
    if errors:
        print("\nFailed:\n")
    for outcome in errors:
        print(f"- {outcome.scenario.name}: {outcome.error}")
    if options.json:
        rows = [
            {"scenario": o.scenario.name, "flagged": o.flagged, "findings": o.findings, "error": o.error}
            for o in outcomes
        ]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
