"""`privet vault add | search | get | delete | forget | rotate | compact | verify | info`.

Invariants:

- What is asked for is printed on standard output, for its reader; no text, id or subject is in any other line.
- `-` in place of a text, an id or a name reads standard input: command lines are seen by other users and kept by shells.
- Before any key or text is read, the process is one that writes no core dump and that other processes cannot look into.

Exit 1: there was no such record or subject. 3: a file is damaged or put back, or a protection cannot be had.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.cli.vault_output import counted, print_json, show_hits, show_record, tell
from privet.cli.vault_words import json_of, line, spoken, words
from privet.errors import BadInput, PrivetError
from privet.hardening import harden
from privet.keys import state_folder

if TYPE_CHECKING:  # numpy and ciphers are loaded by what needs them
    from privet.vault import KeySource, Vault

_SEEN: Final = "- for standard input, which no shell keeps and no list of processes shows"


def add_parser(verbs: Any) -> None:
    """Add the verb."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "vault",
        help="embeddings that cannot be read: add, search, forget, rotate, verify",
        description="Texts and their embeddings, sealed on disk and searched in memory. Exit 1: no such record or subject.",
    )
    parser.set_defaults(run=lambda _options: _help(parser))
    actions = parser.add_subparsers(metavar="ACTION")
    shared = _shared()
    _add_add(actions, shared)
    _add_search(actions, shared)
    get = actions.add_parser("get", parents=[shared], help="records by their ids")
    get.add_argument("ids", nargs="+", metavar="ID", help=f"{_SEEN}, one a line")
    get.set_defaults(run=_hardened(run_get))
    delete = actions.add_parser(
        "delete", parents=[shared], help="take records out; `compact` removes them from the disk"
    )
    delete.add_argument("ids", nargs="+", metavar="ID", help=f"{_SEEN}, one a line")
    delete.set_defaults(run=_hardened(run_delete))
    forget = actions.add_parser(
        "forget", parents=[shared], help="destroy a subject's key, and so their records in every copy of the vault"
    )
    forget.add_argument("subject", metavar="SUBJECT", help=_SEEN)
    forget.set_defaults(run=_hardened(run_forget))
    for name, run, summary in (
        ("rotate", run_rotate, "seal all keys under a new root key; no data is rewritten"),
        ("compact", run_compact, "write all records anew, without what was deleted or forgotten"),
        ("verify", run_verify, "read and authenticate every byte"),
        ("info", run_info, "how much it holds, in counts"),
    ):
        actions.add_parser(name, parents=[shared], help=summary).set_defaults(run=_hardened(run))


def _shared() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("vault", type=Path, metavar="VAULT", help="the data folder: sealed, safe to copy anywhere")
    shared.add_argument(
        "--keys", type=Path, metavar="FOLDER", help="private folder of keys (default: vault-keys in the state folder)"
    )
    source = shared.add_mutually_exclusive_group()
    source.add_argument("--keyring", action="store_true", help="the root key is in the system's keyring")
    source.add_argument(
        "--key-command", metavar="COMMAND", help="a command prints the root key; its last word is a name"
    )
    shared.add_argument("--tenant", default="", metavar="NAME", help="whose records (default: those of no tenant)")
    shared.add_argument(
        "--accept-older", action="store_true", help="open data that is older than what was written last"
    )
    shared.add_argument("--json", action="store_true", help="for machines")
    return shared


def _add_add(actions: Any, shared: argparse.ArgumentParser) -> None:
    add = actions.add_parser(
        "add",
        parents=[shared],
        help="texts from files, embedded on this machine; the same command goes on after a stop",
        description="Adds JSON lines, CSV and Parquet by rows, .txt and .md in passages. Ids that are there are passed over.",
    )
    add.add_argument("files", nargs="+", metavar="FILE", help="files, or - for JSON lines on standard input")
    add.add_argument("--text", metavar="COLUMN", help="the text (default: text)")
    add.add_argument(
        "--id", metavar="COLUMN", help="the id (default: id where it is there, else made from the content)"
    )
    add.add_argument("--subject", metavar="COLUMN", help="whose data the row is; what `forget` takes")
    add.add_argument("--metadata", metavar="A,B", help="columns to filter by (default: all others)")
    add.add_argument("--vector", metavar="COLUMN", help="embeddings of your own in place of the local model's")
    add.add_argument("--replace", action="store_true", help="records of the same id are replaced, not passed over")
    add.set_defaults(run=_hardened(run_add))


def _add_search(actions: Any, shared: argparse.ArgumentParser) -> None:
    search = actions.add_parser("search", parents=[shared], help="the records nearest to a text")
    search.add_argument("text", metavar="TEXT", help=_SEEN)
    search.add_argument("-k", type=int, default=5, metavar="N", help="how many, at most (default: 5)")
    search.add_argument("--where", metavar="JSON", help="""a filter, such as '{"lang": "en"}'; see docs/vault.md""")
    search.add_argument("--vector", action="store_true", help="TEXT is a vector: a JSON list of numbers")
    search.add_argument("--exact", action="store_true", help="compare with every record")
    search.set_defaults(run=_hardened(run_search))


def _hardened(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def done(options: argparse.Namespace) -> int:
        harden()
        try:
            return run(options)
        except PrivetError as error:
            error.message, error.hint = spoken(error.message), spoken(error.hint)
            raise

    return done


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def run_add(options: argparse.Namespace) -> int:
    """Read files, embed, add."""
    from privet.cli.vault_add import Adding
    from privet.cli.vault_input import Names, size_of

    metadata = None if options.metadata is None else tuple(filter(None, options.metadata.split(",")))
    names = Names(options.text, options.id, options.subject, options.vector, metadata)
    total = sum(map(size_of, options.files))
    with _opened(options, read_only=False, create=True) as vault:
        adding = Adding(vault, names, is_replacing=options.replace)
        try:
            adding.read(options.files, total)
        except BaseException:
            if adding.done.added:
                inside = counted(adding.done.added, "record is", "records are")
                sys.stderr.write(f"privet vault: {inside} in; the same command goes on\n")
            raise
        done, count = adding.done, len(vault)
    if options.json:
        print_json({**done._asdict(), "records": count})
        return 0
    sys.stdout.write(f"{done.told()}; the vault holds {count:,}\n")
    for warning in done.warnings():
        sys.stderr.write(f"privet vault: {warning}\n")
    return 0


def run_search(options: argparse.Namespace) -> int:
    """Print the nearest records."""
    import numpy as np

    where = None if options.where is None else json_of(options.where, dict, "--where", '{"lang": "en"}')
    text = line(options.text)
    if options.vector:
        numbers = json_of(text, list, "a vector", "[0.1, 0.2]")
        try:
            query = np.asarray([numbers], dtype=np.float32)
        except (TypeError, ValueError):
            query = np.zeros(0, np.float32)
        if query.ndim != 2:
            raise BadInput("expected a list of numbers as a vector", hint="such as [0.1, 0.2]")
    with _opened(options) as vault:
        if not options.vector:
            query = _embedded(text, vault)
        hits = vault.search(query, options.k, where, exact=options.exact)[0]
    if options.json:
        print_json([hit._asdict() for hit in hits])
    else:
        show_hits(hits)
    return 0


def _embedded(text: str, vault: Vault) -> Any:
    from privet.vault.embed import DIMENSIONS, LocalModel

    if vault.dimensions not in {0, DIMENSIONS}:
        raise BadInput(
            f"the records have vectors of {vault.dimensions} dimensions, and those of the local model have {DIMENSIONS}",
            hint="give a vector of the records' model, with --vector",
        )
    return LocalModel()([text])


def run_get(options: argparse.Namespace) -> int:
    """Print records."""
    ids = words(options.ids)
    with _opened(options) as vault:
        records = [record for record in vault.get(ids) if record is not None]
    for record in records:
        if options.json:
            print_json({**record._asdict(), "vector": record.vector.tolist()})
        else:
            show_record(record)
    return _told_missing(len(ids) - len(records), len(ids))


def _told_missing(missing: int, asked: int) -> int:
    if missing:
        sys.stderr.write(f"privet vault: {missing:,} of {counted(asked, 'id', 'ids')} not there\n")
    return int(missing > 0)


def run_delete(options: argparse.Namespace) -> int:
    """Take records out."""
    ids = words(options.ids)
    with _opened(options, read_only=False) as vault:
        deleted = vault.delete(ids)
    if deleted or options.json:
        gone = counted(deleted, "record", "records")
        told = f"{gone} deleted; privet vault compact removes what is deleted from the disk"
        tell(options, {"deleted": deleted}, told)
    return _told_missing(len(ids) - deleted, len(ids))


def run_forget(options: argparse.Namespace) -> int:
    """Destroy a subject's key."""
    subject = line(options.subject)
    with _opened(options, read_only=False) as vault:
        before = len(vault)
        forgotten = vault.forget(subject)
        left = before - forgotten
    if forgotten or options.json:
        told = "the key is destroyed; who has an older copy of the key folder can still read what it sealed"
        gone = counted(forgotten, "record", "records")
        tell(options, {"forgotten": forgotten, "records": left}, f"{gone} forgotten: {told}")
    if not forgotten:
        sys.stderr.write("privet vault: no record is of this subject\n")
    return int(not forgotten)


def run_rotate(options: argparse.Namespace) -> int:
    """Make a new root key."""
    with _opened(options, read_only=False) as vault:
        vault.rotate()
    tell(options, {"rotated": True}, "all keys are sealed under a new root key")
    return 0


def run_compact(options: argparse.Namespace) -> int:
    """Write everything anew."""
    with _opened(options, read_only=False) as vault:
        vault.compact()
        count = len(vault)
    written = counted(count, "record", "records")
    tell(options, {"records": count}, f"{written} written anew; what was deleted or forgotten is gone")
    return 0


def run_verify(options: argparse.Namespace) -> int:
    """Read every byte."""
    with _opened(options) as vault:
        found = vault.verify()
    tell(options, found._asdict(), f"{counted(found.records, 'record is', 'records are')} what was written")
    return 0


def run_info(options: argparse.Namespace) -> int:
    """Print counts."""
    with _opened(options) as vault:
        found = vault.summary()
    locked = "locked, never swapped out" if found.is_locked else "not locked: the system's limit is too low (ulimit -l)"
    lines = (
        ("records", f"{found.records:,}"),
        ("subjects", f"{found.subjects:,}"),
        ("dimensions", f"{found.dimensions:,}"),
        ("generation", f"{found.generation:,}"),
        ("memory", locked),
    )
    tell(options, found._asdict(), "\n".join(f"{name:<12} {value}" for name, value in lines))
    return 0


def _opened(options: argparse.Namespace, *, read_only: bool = True, create: bool = False) -> Vault:
    from privet.vault import Vault

    return Vault.open(
        options.vault,
        _keys(options),
        tenant=options.tenant,
        accept_older=options.accept_older,
        read_only=read_only,
        create=create,
    )


def _keys(options: argparse.Namespace) -> KeySource:
    from privet.vault import CommandKeys, FolderKeys, KeyringKeys

    folder = options.keys or state_folder(os.environ) / "vault-keys"
    if options.keyring:
        return KeyringKeys(folder=folder)
    if options.key_command is None:
        return FolderKeys(folder)
    try:
        return CommandKeys(shlex.split(options.key_command), folder)
    except ValueError as error:
        raise BadInput("--key-command is no command", hint="see that its quotes are closed") from error
