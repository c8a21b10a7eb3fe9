"""Command lines → units: which program a command starts, with which flags and variables. Shared by every reader that meets a shell."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from privet.check import uploads
from privet.check.components import of_command, of_image
from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.flags import flags_of
from privet.check.ignores import keeps_out
from privet.check.pattern import regex
from privet.check.words import Command, Word

CODE: Final = "code:"
"""The beginning of a reference to a Python file that a program runs."""
_RUNS_SCRIPTS: Final = frozenset(("python", "torch"))
_QUIET: Final = frozenset(
    ("echo", "printf", "cd", "set", "test", "[", "true", "false", "exit", "return", "shift", "unset", "source", ".")
)
_GATE: Final = "gate-step-removed"
_SCRUB: Final = "python-scrub-removed"
_EXCLUDES: Final = "ignore-line-removed"
_COPIES: Final = frozenset(
    ("rsync", "tar", "zip", "aws", "gsutil", "gcloud", "rclone", "azcopy", "hf", "huggingface-cli")
)
"""Programs that copy folders, and can leave some of what is in them out."""
_OWN_FLAG: Final = "own-protection-flag"
_PROTECTS: Final = frozenset(
    ("--redact", "--redact-pii", "--scrub", "--scrub-pii", "--anonymize", "--anonymise", "--pseudonymize", "--mask-pii", "--remove-pii",
     "--strip-pii", "--filter-pii", "--deidentify", "--de-identify", "--drop-pii", "--use-dp", "--dp-sgd", "--differential-privacy",
     "--secure-aggregation", "--secagg", "--encrypt", "--encrypt-output", "--strip-metadata", "--strip-exif", "--redact_pii", "--scrub_pii",
     "--mask_pii", "--remove_pii", "--filter_pii", "--use_dp", "--drop_pii")
)  # fmt: skip
"""Flags of people's own scripts that say by their name what they do."""
_HARDENING: Final = "shell-hardening-removed"


def environment_facts(pairs: Iterable[tuple[str, Word]], path: str) -> tuple[Fact, ...]:
    """Return assignments as facts."""
    return tuple(Fact(Space.ENV, name, word.value, path, word.start, word.end) for name, word in pairs)


_EVERYWHERE: Final = frozenset(("0.0.0.0", "::", "[::]", "*"))  # noqa: S104 - what a command says
_BARE: Final = frozenset(
    ("--rm", "--detach", "--interactive", "--tty", "--init", "--privileged", "--read-only", "--publish-all", "--no-healthcheck",
     "--oom-kill-disable", "--sig-proxy", "--quiet", "--disable-content-trust", "--use-api-socket", "--replace", "--tls-verify")
)  # fmt: skip
"""Options of `docker run` and `podman run` without a value (docs.docker.com/reference/cli/docker/container/run)."""
_SHORT: Final = regex(r"-[ditqP]+")


def process_units(
    commands: Sequence[Command], path: str, *, owner: str = "", parents: tuple[str, ...] = (), guards: bool = False
) -> tuple[Unit, ...]:
    """Return a unit for every command that starts a known program; `owner` names what runs them and becomes part of the unit's name.

    With `guards`, commands that protect and whose failure counts are guards: the gate, scrubbing, what closes the machine.
    """
    found: list[Unit] = []
    counts: Counter[str] = Counter()
    for command in commands:
        if not command.words or (command.words[0].value or "") in _QUIET:
            continue
        texts = command.texts()
        components, first = of_command(texts)
        if guards and not command.ignored:
            found.extend(_guards(command, path, texts, components, first))
        found.extend(uploads.units_of(command, path, texts, owner, counts))
        if not components:
            continue
        program = "+".join(sorted(components))
        counts[program] += 1
        name = f"{owner}:{program}#{counts[program]}" if owner else f"{program}#{counts[program]}"
        program_word = command.words[min(first, len(command.words)) - 1]
        more, facts = started(command, components, first, path)
        components |= more
        facts = environment_facts(command.assignments, path) + facts
        place = program_word.start, program_word.end
        scripts = () if components.isdisjoint(_RUNS_SCRIPTS) else tuple(_scripts(texts))
        found.append(Unit(UnitKind.PROCESS, name, path, *place, components, facts, parents + scripts))
    return tuple(found)


def _scripts(texts: Sequence[str]) -> Iterator[str]:
    """Yield the Python files that a command names, and the module that it runs: what they set counts for it, too."""
    for before, text in pairwise(("", *texts)):
        if text.endswith(".py"):
            yield CODE + posixpath.normpath(text)
        elif before == "-m":
            yield f"{CODE}{text.replace('.', '/')}.py"


def started(
    command: Command, components: frozenset[str], first: int, path: str
) -> tuple[frozenset[str], tuple[Fact, ...]]:
    """Return what runs in a container that a command starts, and the flags and variables that whatever runs gets."""
    facts = flags_of(command.words[first:], path)
    if "docker" not in components:
        return frozenset(), facts
    image, is_open = container_of(command.texts()[first:])
    # Inside a container a server has to listen everywhere; where nothing is published, nobody comes.
    facts = facts if is_open else tuple(fact for fact in facts if fact.value not in _EVERYWHERE)
    return of_image(image), facts + docker_environment(command, components, first, path)


def container_of(words: Sequence[str]) -> tuple[str, bool]:
    """Return the image that `docker run` starts, "" for none, and whether a port of it is published beyond loopback.

    `words` are those behind `docker`. An option takes the next word, unless it has its value or is one of those that take none.
    """
    if words[:1] != ["run"] and list(words[:2]) != ["container", "run"]:
        return "", True
    is_open, image, index = False, "", 1 + (words[0] == "container")
    while index < len(words):
        name, equals, value = words[index].partition("=")
        if not name.startswith("-"):
            image = words[index]
            break
        takes_next = not equals and name not in _BARE and not _SHORT.fullmatch(name)
        value = value if equals or not takes_next else "".join(words[index + 1 : index + 2])
        is_open |= name in {"-p", "--publish"} and not value.startswith(("127.", "[::1]", "localhost:"))
        is_open |= name in {"-P", "--publish-all"} or (name in {"--network", "--net"} and value == "host")
        index += 1 + takes_next
    return image, is_open


def docker_environment(command: Command, components: frozenset[str], first: int, path: str) -> tuple[Fact, ...]:
    """Return what `docker run -e NAME=VALUE` sets in the container."""
    if "docker" not in components:
        return ()
    found = []
    words = command.words
    for index in range(first, len(words)):
        text = words[index].value or ""
        word, value = words[index], text
        if text in {"-e", "--env"} and index + 1 < len(words):
            word, value = words[index + 1], words[index + 1].value or ""
        elif text.startswith("--env="):
            value = text.removeprefix("--env=")
        else:
            continue
        name, equals, content = value.partition("=")
        if equals:
            found.append(Fact(Space.ENV, name, content, path, word.start, word.end))
    return tuple(found)


def _guards(
    command: Command, path: str, texts: Sequence[str], components: frozenset[str], first: int
) -> Iterator[Unit]:
    """Yield what a command protects."""
    if _is_hardening(texts):
        yield _guard(command, path, _HARDENING, " ".join(texts[:2]))
    yield from _by_flags(command, path, texts, components)
    if "privet" in components:
        if not {"scrub", "audit"}.isdisjoint(texts):
            yield _guard(command, path, _SCRUB, f"privet {texts[min(first, len(texts) - 1)]}")
        if "check" in texts:
            yield _guard(command, path, _GATE, "privet check")


def _by_flags(command: Command, path: str, texts: Sequence[str], components: frozenset[str]) -> Iterator[Unit]:
    """Yield what a copy leaves out, and what a script of one's own is told to do for people."""
    if texts[0].rsplit("/", 1)[-1] in _COPIES:
        for word, following in pairwise((*texts, "")):
            name, equals, value = word.partition("=")
            pattern = value if equals else following
            if name == "--exclude" and keeps_out(pattern):
                yield _guard(command, path, _EXCLUDES, f"copy keeps out {pattern.strip('/*')}")
    if "python" in components:
        for word, following in pairwise((*texts, "")):
            name, _, value = word.partition("=")
            if name in _PROTECTS and (value or following).lower() not in {"false", "0", "no", "off"}:
                yield _guard(command, path, _OWN_FLAG, f"script with {name}")


def _is_hardening(texts: Sequence[str]) -> bool:
    """Tell commands that keep memory off the disk or close the machine: swap off, no core dumps, a firewall on."""
    program = texts[0].rsplit("/", 1)[-1]
    return (
        program in {"swapoff", "cryptsetup"}
        or (program == "ulimit" and texts[1:3] == ["-c", "0"])
        or (program == "ufw" and "enable" in texts)
        or (program in {"iptables", "nft"} and not {"DROP", "REJECT", "drop", "reject"}.isdisjoint(texts))
    )


def _guard(command: Command, path: str, rule: str, name: str) -> Unit:
    start, end = command.words[0].start, command.words[-1].end
    return Unit(UnitKind.GUARD, name, path, start, end, frozenset({"privet"}), guard=rule)
