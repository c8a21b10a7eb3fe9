"""Terraform and HCL files → attributes with their paths, and the variables that they give to containers and functions.

The grammar is HCL's native syntax as far as it decides where an attribute stands: blocks, objects, lists, strings, here-documents and
comments. Expressions are not worked out, but for a variable that the file gives a default: what is no literal has the value None.

Invariants: a block is a unit by its words, so that moving it to another file is no loss; linear time, no recursion; a text that
breaks off gives what came before, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Final

from privet.check.components import of_image
from privet.check.facts import PRESENT, Fact, Note, Reading, Space, Unit, UnitKind
from privet.check.known import VARIABLES
from privet.check.networks import are_everywhere, is_everywhere
from privet.check.pattern import regex
from privet.check.readers import Sibling
from privet.check.terraform_each import targets

_TOKEN: Final = regex(
    r"(?P<blank>[\s,]+|#[^\n]*|//[^\n]*|/\*.*?\*/)"
    r"|(?P<heredoc><<-?(?P<mark>\w+)[^\n]*\n.*?^[ \t]*(?P=mark)[ \t]*$)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<open>[\[{(])|(?P<close>[\]})])"
    r"|(?P<equals>=>?|:)"
    r"|(?P<word>[A-Za-z_][\w.-]*|-?\d+(?:\.\d+)?)"
    r"|(?P<other>.)",
    re.DOTALL | re.MULTILINE,
)
_LITERAL: Final = regex(r"true|false|null|-?\d+(?:\.\d+)?")
_MAX_DEPTH: Final = 100
_EGRESS: Final = regex(r"\.egress\.(?:ipv6_)?cidr_blocks\[\]$|aws_vpc_security_group_egress_rule\.cidr_ipv[46]$")
_EGRESS_RULE: Final = regex(r"resource\.aws_security_group_rule\.type")
_KEY: Final = regex(
    r"\.(?:kms_(?:master_)?key(?:_id|_arn|_name|_self_link)?|kms_key_identifier|key_vault_key_id|disk_encryption_set_id|customer_managed_key)(?:\.|$)"
)
"""Attributes that name a key of one's own."""
_WRITTEN_OUT: Final = regex(r"\.ingress\.(?:ipv6_)?cidr_blocks\[\]$|\.source_ranges\[\]$")
"""Lists that a rule knows by name."""
_LETS_IN: Final = regex(
    _WRITTEN_OUT.pattern
    + r"|aws_vpc_security_group_ingress_rule\.cidr_ipv[46]$|\.source_address_prefix(?:es\[\])?$|\.loadBalancerSourceRanges\[\]$"
    r"|^(?!\w*(?:egress|outbound|route|deny|denied|block|dest|vpc|subnet))"
    r"\w*(?:allow|trust|ingress|inbound|permit|whitelist|source|access|client)\w*(?:cidr|range|network|ip|address|source)\w*\[\]$",
    re.IGNORECASE,
)
"""Lists of those who may call."""
_GUARD: Final = "terraform-protection-removed"
_PROTECTING: Final = frozenset(
    ("aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block", "aws_s3_bucket_server_side_encryption_configuration",
     "aws_ebs_encryption_by_default", "azurerm_private_endpoint", "google_access_context_manager_service_perimeter",
     "aws_networkfirewall_firewall_policy", "aws_wafv2_web_acl_association", "google_storage_bucket_iam_policy",
     "aws_s3_bucket_lifecycle_configuration", "azurerm_storage_management_policy")
)  # fmt: skip
_CLOSING: Final = {"[": "]", "{": "}", "(": ")"}


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return each block of a file as a unit, and the attributes outside of blocks as one."""
    walk, broken = _walked(path, text)
    notes = (Note(path, text.count("\n", 0, broken) + 1, "is not valid HCL from here on"),) if broken >= 0 else ()
    defaults = {
        name.removeprefix("variable."): block.facts[-1].value
        for name, block in walk.blocks.items()
        if name.startswith("variable.") and block.facts and block.facts[-1].name == "variable.default"
    }
    units: list[Unit] = []
    for name, block in walk.blocks.items():
        facts = [_known(fact, text, defaults) for fact in block.facts]
        components = frozenset().union(
            *(of_image(one.value) for one in facts if one.name.endswith("image") and one.value)
        )
        facts += [*_variables(facts), *_shown(path, name, block, facts)]
        if facts:
            kind, label = (UnitKind.RESOURCE, name) if name else (UnitKind.CONFIG, path.rsplit("/", 1)[-1])
            place, provides = (block.start, block.end), (f"tf:{name}",) if name else ()
            units.append(Unit(kind, label, path, *place, components, tuple(facts), provides=provides))
        units.extend(_guards(path, text, name, block, sibling))
    return Reading(tuple(units), notes)


def _known(fact: Fact, text: str, defaults: Map[str, str | None]) -> Fact:
    """Return an attribute that takes a variable of the same file with what that is unless somebody says otherwise."""
    said = text[fact.start : fact.end] if fact.value is None else ""
    return fact._replace(value=defaults.get(said[4:])) if said.startswith("var.") else fact


def _shown(path: str, name: str, block: _Block, facts: Sequence[Fact]) -> Iterator[Fact]:
    """Yield what shows in a block by more than a name and a value."""
    kind, _, label = name.partition(".")
    if kind == "variable" and facts:
        yield from (fact._replace(name=f"variable.{label}") for fact in facts if fact.name == "variable.default")
    if name and kind not in {"module", "variable", "provider", "terraform", "locals", "output", "data"}:
        yield Fact(Space.KEY, f"resource.{kind}", PRESENT, path, block.start, block.end)
    out = [fact for fact in facts if _EGRESS.search(fact.name) and fact.value]
    if out or any(_EGRESS_RULE.fullmatch(fact.name) and fact.value == "egress" for fact in facts):
        out = out or [fact for fact in facts if fact.name.endswith(("cidr_blocks[]", "cidr_ipv4")) and fact.value]
        wide = [fact for fact in out if is_everywhere(fact.value or "")]
        place = (wide or out)[:1]
        yield from (fact._replace(name="tf.egress.limited", value="false" if wide else "true") for fact in place)
    of_variable = {"variable.default[]": f"{label}[]"} if kind == "variable" else {}
    yield from _opened([fact._replace(name=of_variable.get(fact.name, fact.name)) for fact in facts])
    for fact in facts:
        if _KEY.search(fact.name) and fact.value not in {"", "null"}:
            yield fact._replace(name="tf.kms", value=PRESENT)
            return


def _opened(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Yield that a list lets in everybody whose networks do so together, and that one of a variable does that is named for who may."""
    lists: dict[str, list[Fact]] = {}
    for fact in facts:
        if _LETS_IN.search(fact.name) and fact.value and "/" in fact.value:
            lists.setdefault(fact.name, []).append(fact)
    for name, listed in lists.items():
        texts = [fact.value or "" for fact in listed]
        if not (_WRITTEN_OUT.search(name) and {"0.0.0.0/0", "::/0"} & set(texts)) and are_everywhere(texts):
            place = max(listed, key=lambda fact: is_everywhere(fact.value or ""))
            yield place._replace(name="tf.ingress.cidr_blocks[]", value="0.0.0.0/0")


def _guards(path: str, text: str, name: str, block: _Block, sibling: Sibling) -> Iterator[Unit]:
    """Yield a guard for a block that is there to protect another; it is none when that is gone as well."""
    kind = name.partition(".")[0]
    if kind in _PROTECTING:
        said = [
            text[fact.start : fact.end].strip('"')
            for fact in block.facts
            if fact.name.endswith((".bucket", "_id", "_arn"))
        ]
        target = ".".join(said[0].split(".")[:2]) if said else ""
        each = targets(block.end, path, text, sibling) if target.startswith("each.") else ()
        for one in each or (target,):
            parents = (f"tf:{one}",) if "." in one else ()
            title = f"{kind} of {one or 'all'}"
            yield Unit(UnitKind.GUARD, title, path, block.start, block.end, parents=parents, guard=_GUARD)


def _walked(path: str, text: str) -> tuple[_Walk, int]:
    """Return every block with its attributes in order, and where the text is broken, or -1."""
    walk = _Walk(path)
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or not walk.take(token):
            return walk, at
        at = token.end()
    return walk, at if walk.stack else -1


@dataclass(slots=True)
class _Block:
    """A block that stands in no other, and where its words are."""

    start: int = 0
    end: int = 0
    facts: list[Fact] = field(default_factory=list)


class _Walk:
    """Where one pass over the tokens is."""

    def __init__(self, path: str) -> None:
        self.blocks: dict[str, _Block] = {"": _Block()}
        """By its words without `resource`: `aws_db_instance.main`, `variable.public`; "" for what stands outside of blocks."""
        self._block = self.blocks[""]
        self.stack: list[tuple[str, str]] = []
        """The closing bracket that is awaited, and the path of what it encloses."""
        self._path = path
        self._words: list[str] = []
        self._from = 0
        self._key = ""

    def take(self, token: re.Match[str]) -> bool:
        """Go on by one token; return whether the text is still whole."""
        if token["blank"]:
            if "\n" in token["blank"]:
                self._words, self._key = [], ""
        elif token["open"]:
            return self._open(token["open"], token.start())
        elif token["close"]:
            self._words, self._key = [], ""
            fits = bool(self.stack) and self.stack.pop()[0] == token["close"]
            if not self.stack:
                self._block = self.blocks[""]
            return fits
        elif token["equals"]:
            self._key, self._words = (self._words[-1] if self._words else ""), []
        else:
            self._plain(token)
        return True

    def _open(self, bracket: str, at: int) -> bool:
        # The labels of a block are no part of its path, but for what kind of thing it makes: `env {` is `….env`,
        # `resource "a" "b" {` is `resource.a`.
        here = self.stack[-1][1] if self.stack else ""
        name = self._key or (self._words[0] if self._words else "")
        if not self.stack and bracket == "{" and not self._key and self._words:
            shown = self._words[1:] if name == "resource" and len(self._words) > 1 else self._words
            self._block = self.blocks.setdefault(".".join(shown), _Block(self._from, at))
            name = ".".join(self._words[:2]) if name in {"resource", "data"} else name
        inner = ".".join(part for part in (here, name) if part)
        self.stack.append((_CLOSING[bracket], inner + ("[]" if bracket == "[" else "")))
        self._words, self._key = [], ""
        return len(self.stack) <= _MAX_DEPTH

    def _plain(self, token: re.Match[str]) -> None:
        closing, here = self.stack[-1] if self.stack else ("", "")
        if self._key or closing == "]":
            full = f"{here}.{self._key}" if here and self._key else here or self._key
            self._block.facts.append(Fact(Space.KEY, full, _value(token), self._path, token.start(), token.end()))
            self._key = ""
        elif token["string"] or token["word"]:
            if not self._words:
                self._from = token.start()
            self._words.append((token["string"] or token["word"]).strip('"'))


def _value(token: re.Match[str]) -> str | None:
    if token["string"] is not None:
        return None if "${" in token["string"] else token["string"][1:-1].replace('\\"', '"')
    return token["word"] if token["word"] and _LITERAL.fullmatch(token["word"]) else None


def _variables(facts: list[Fact]) -> list[Fact]:
    """Return variables: an attribute with the name of one, and `name` and `value` side by side."""
    found = []
    for fact, following in zip(facts, [*facts[1:], None], strict=False):
        owner, _, last = fact.name.rpartition(".")
        if last in VARIABLES:
            found.append(fact._replace(space=Space.ENV, name=last))
        elif last == "name" and fact.value and following is not None and following.name == f"{owner}.value":
            found.append(following._replace(space=Space.ENV, name=fact.value))
    return found
