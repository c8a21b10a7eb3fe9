"""`privet policy show | explain ID | check`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from privet.cli.style import Style
from privet.errors import BadInput
from privet.policy import SETTINGS, value_of
from privet.policy_file import LoadedPolicy, config_home, find_policy_file, load_policy
from privet.report.policy_text import as_json, explain, shown, ways_out


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser("policy", help="every privacy default, its value and its reason")
    parser.set_defaults(run=lambda _options: _help(parser))
    actions = parser.add_subparsers(metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--policy", type=Path, metavar="FILE", help="policy file (default: privet.toml here, else the user's)"
    )
    shared.add_argument("--json", action="store_true", help="for machines")
    show = actions.add_parser("show", parents=[shared], help="the policy in force here")
    show.set_defaults(run=run_show)
    one = actions.add_parser("explain", parents=[shared], help="what one setting does, why, and how to change it")
    one.add_argument("id", metavar="ID", help="such as serve.prompt_identifiers")
    one.set_defaults(run=run_explain)
    check = actions.add_parser("check", parents=[shared], help="run the examples of the project's own rules")
    check.set_defaults(run=run_check)


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def load(options: argparse.Namespace) -> LoadedPolicy:
    """Return the policy in force here, its own rules confirmed; tell of exceptions that no longer count.

    Raises:
        PolicyInvalid: a source of it is not usable, or one of its own rules fails its own examples.

    """
    path = options.policy or find_policy_file(Path(), config_home(os.environ))
    loaded = load_policy(path, environment=os.environ, today=date.today())
    for item in loaded.expired:
        sys.stderr.write(
            f"privet {options.verb}: the exception for {item.rule} expired on {item.expires}: the default holds\n"
        )
    if loaded.policy.detect.rules:
        from privet.detect.custom import own_tier

        own_tier(loaded.policy.detect)
    return loaded


def run_show(options: argparse.Namespace) -> int:
    """Print every setting, with what it does and why."""
    loaded = load(options)
    for item in loaded.expired_egress:
        sys.stderr.write(f"privet policy: the exception for {item} expired on {item.expires}: it is closed\n")
    if options.json:
        settings = [as_json(setting_id, loaded) for setting_id in SETTINGS]
        found = {"sources": loaded.sources, "settings": settings, "egress": ways_out(loaded)}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    style = Style.of(sys.stdout)
    section = ""
    for setting_id, known in SETTINGS.items():
        if setting_id.split(".")[0] != section:
            section = setting_id.split(".")[0]
            sys.stdout.write(f"\n{style.bold('[' + section + ']')}\n")
        state = loaded.state(setting_id)
        value = value_of(loaded.policy, setting_id)
        text = f"{len(value)} entries" if isinstance(value, frozenset) and len(value) > 3 else shown(value, known.unit)
        colour = {"default": style.green, "tightened": style.green, "exception": style.yellow}[state]
        sys.stdout.write(
            f"{setting_id.split('.')[1]:<26} {colour(f'{text:<18}')} {state if state != 'default' else ''}\n"
        )
        sys.stdout.write(f"  {known.says}\n  {style.dim('because ' + known.reason)}\n")
    _show_ways_out(loaded, style)
    source = f"read from {', '.join(loaded.sources)}" if loaded.sources else "defaults only, no privet.toml here"
    sys.stdout.write(f"\n{source}; one setting in full: privet policy explain ID\n")
    return 0


def _show_ways_out(loaded: LoadedPolicy, style: Style) -> None:
    if loaded.egress:
        sys.stdout.write(f"\n{style.bold('[[exception]] egress')}\n")
    for way in ways_out(loaded):
        where = f"{way['host']}:{way['port']}"
        sys.stdout.write(f"{where:<26} {style.yellow('open')} to privet run in this folder until {way['expires']}\n")
        sys.stdout.write(f"  {style.dim('because ' + way['reason'] + ', owner ' + way['owner'])}\n")


def run_explain(options: argparse.Namespace) -> int:
    """Print one setting in full."""
    if options.id not in SETTINGS:
        raise BadInput("there is no such setting", hint="privet policy show lists them")
    loaded = load(options)
    text = json.dumps(as_json(options.id, loaded), indent=2) if options.json else explain(options.id, loaded)
    sys.stdout.write(text + "\n")
    return 0


def run_check(options: argparse.Namespace) -> int:
    """Tell that the policy can be used, and which examples of its own rules hold; loading it has run them."""
    rules = sorted(load(options).policy.detect.rules, key=lambda own: own.id)
    if options.json:
        found = [
            {"id": own.id, "kind": own.kind, "hits": len(own.hits), "misses": len(own.misses), "where": own.where}
            for own in rules
        ]
        sys.stdout.write(json.dumps({"ok": True, "rules": found}, indent=2) + "\n")
        return 0
    style = Style.of(sys.stdout)
    for own in rules:
        examples = f"{len(own.hits)} found, {len(own.misses)} left alone"
        sys.stdout.write(f"{style.green('ok')}  {own.id:<26} {own.kind:<20} {examples}  {style.dim(own.where)}\n")
    sys.stdout.write(f"the policy holds, {len(rules)} own rules\n")
    return 0
