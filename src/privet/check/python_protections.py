"""Python modules → protections that no single call or name says: for comparing two sides of a change.

- `code:python-result-dropped`: what a step made is not kept, as `dataset.map(mask)` alone on a line, which leaves the dataset as it was.
- `code:python-columns`: whether a function takes the columns that it names ("named"), or all but some ("all but").
- `code:python-digest`: whether identifiers become digests with a key ("keyed") or without ("plain").
- guards: secure aggregation of what participants of federated training learned; a client with a mask that is taken from another module.

Invariant: what a function is called decides nothing here but the name of its unit.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from privet.check.columns import COLUMN, TAKEN
from privet.check.facts import PRESENT, Fact, Space, Unit, UnitKind
from privet.check.pattern import mentions, regex
from privet.check.python_modules import Modules
from privet.check.python_names import Scopes
from privet.check.python_nodes import Parsed
from privet.check.python_syntax import last_of, names_in, root_of

INTERESTING: Final = mentions(
    r"datasets|tensorflow|torchdata|webdataset|import ray|apache_beam|pandas|polars|pyspark|dask|modin|cudf"
    r"|anonymi|redact|scrub|hmac|hashlib|blake2|sec_?agg|secure_?agg|[sS]ecAgg|usecols"
    r"|LocalDp|clipping_mod|DifferentialPrivacy|DPFedAvg|DpFedAvg|dp_aggregator|build_dp_|DPQuery"
    r"|select_columns|langfuse|logfire|sentry|opentelemetry|phoenix|mask"
)
_TABLES: Final = frozenset(
    (
        "datasets",
        "tensorflow",
        "torchdata",
        "webdataset",
        "ray",
        "apache_beam",
        "pandas",
        "polars",
        "pyspark",
        "dask",
        "modin",
        "cudf",
        "ibis",
        "vaex",
        "awswrangler",
        "geopandas",
        "pyarrow",
    )
)
_MADE_ANEW: Final = frozenset(
    ("map", "filter", "remove_columns", "select_columns", "drop", "drop_columns", "dropna", "assign", "with_columns", "withColumn",
     "withColumns", "applymap", "map_batches", "anonymize", "redact", "scrub", "exclude", "cast_column")
)  # fmt: skip
"""Methods of tables and engines that leave what they are called on as it was."""
_OF_COLUMN: Final = frozenset(("map", "apply", "replace", "mask", "where", "transform", "fillna", "clip", "round"))
"""Methods that do so where they are called on a column: `frame["name"].map(hash)`."""
_POOL: Final = regex(
    r"\w*(?:pool|executor|exec|client|progress|app|router|bar|session|mapper|thread)\w*|ex|p|tqdm|self", 2
)
_ENGINES: Final = regex(r"\w*(?:anonymi[sz]er|redactor|scrubber|masker)\w*", 2)
_DICT_LIKE: Final = frozenset(("map", "filter", "map_batches"))
_READS: Final = frozenset(("read_csv", "read_parquet", "read_table", "read_excel", "scan_csv", "scan_parquet", "read_feather", "read_json",
    "load_dataset", "read_orc", "read_sql_table"))  # fmt: skip
_KEYED: Final = frozenset(("pbkdf2_hmac", "scrypt", "HMAC", "bcrypt", "argon2", "siphash24", "FF3Cipher", "CMAC"))
_PLAIN: Final = frozenset(
    ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s", "blake3", "xxh64", "xxh3_64",
     "crc32", "adler32", "murmurhash3_32", "hash_pandas_object", "uuid5", "uuid3")
)  # fmt: skip
_SALT: Final = regex(r"(?:\w*_)?(?:salt|pepper|key|secret)s?(?:_\w+)?", 2)
_AGGREGATES: Final = regex(
    r"sec_?agg\w*|SecAgg\w*|secure_?agg\w*|SecureAgg\w*|\w*[sS]ecureSum\w*|build_secure_\w+|LightSecAgg\w*|secure_sum\w*"
)
_LOCAL_DP: Final = regex(
    r"LocalDpMod|DifferentialPrivacy\w+|(?:fixed|adaptive)clipping_mod|DPFedAvg\w*|DpFedAvg\w*|dp_aggregator|build_dp_\w+|DPQuery\w*"
)
SECURE_AGGREGATION: Final = "python-aggregation-removed"
_PRIVATE: Final = "training-dp-removed"
_SCRUB: Final = "python-scrub-removed"


def units_of(path: str, text: str, code: Parsed, modules: Modules) -> Iterator[Unit]:
    """Yield what protects in a module that has been parsed."""
    if INTERESTING(text):
        reader = _Reader(path, code)
        reader.block(code.tree.body, (), "")
        yield from reader.units()
        yield from _named(path, code)
    yield from _imported(path, code, modules)


class _Reader:
    """One walk over statements."""

    def __init__(self, path: str, code: Parsed) -> None:
        names = code.names
        self._path = path
        self._names = names
        self._nodes = code.nodes
        self._places = code.places
        imported = {name.partition(".")[0] for name in names.imports.values()}
        self._has_tables = not _TABLES.isdisjoint(imported)
        self._has_frames = not {"polars", "pyspark", "pyarrow"}.isdisjoint(imported)
        self._said: dict[tuple[str, str], dict[str, ast.expr]] = defaultdict(dict)
        self._dropped: list[tuple[str, ast.expr]] = []
        self._listed: dict[str, list[str]] = defaultdict(list)

    def units(self) -> Iterator[Unit]:
        for number, (label, node) in enumerate(self._dropped, 1):
            fact = self._fact("code:python-result-dropped", PRESENT, node)
            yield Unit(UnitKind.CALL, f"{label}:dropped#{number}", self._path, fact.start, fact.end, facts=(fact,))
        for (code, label), values in self._said.items():
            better = "named" if code == TAKEN else "keyed"
            value = better if better in values else next(iter(values))
            fact = self._fact(code, value, values[value])
            listed = self._listed[label] if value == "named" else ()
            more = (fact._replace(name=COLUMN, value=name) for name in listed)
            yield Unit(UnitKind.DEFAULT, f"{label}:{code}", self._path, fact.start, fact.end, facts=(fact, *more))

    def _fact(self, code: str, value: str, node: ast.expr) -> Fact:
        return Fact(Space.KEY, code, value, self._path, *self._places.of(node))

    def block(self, body: list[ast.stmt], scopes: Scopes, label: str) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.block(node.body, (*scopes, node), node.name)
            elif isinstance(node, ast.ClassDef):
                self.block(node.body, scopes, label)
            else:
                self._statement(node, scopes, label)

    def _statement(self, node: ast.stmt, scopes: Scopes, label: str) -> None:
        if isinstance(node, ast.Expr):
            self._alone(node.value, label)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                for inner in self._nodes.below(child):
                    self._expression(inner, scopes, label)
            elif isinstance(child, ast.stmt):
                self.block([child], scopes, label)
            elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                self.block(child.body, scopes, label)
            elif isinstance(child, ast.withitem):
                for inner in self._nodes.below(child.context_expr):
                    self._expression(inner, scopes, label)

    def _alone(self, node: ast.expr, label: str) -> None:
        """Note a call whose result nobody takes, though it is all that it does."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        last, owner = node.func.attr, last_of(node.func.value) or root_of(node.func.value)
        in_place = any(
            item.arg == "inplace" and not (isinstance(item.value, ast.Constant) and not item.value.value)
            for item in node.keywords
        )
        of_column = isinstance(node.func.value, ast.Subscript) and last in _OF_COLUMN
        if not (of_column or last in _MADE_ANEW) or in_place or not (node.args or node.keywords):
            return
        if last == "drop" and not self._leaves_out(
            last, node, {item.arg: item.value for item in node.keywords if item.arg}
        ):
            return
        is_table = self._has_tables and owner and not _POOL.fullmatch(owner) and not owner[0].isupper()
        if last in _DICT_LIKE:
            is_table = is_table and len(node.args) <= 1 and owner not in self._names.imports
        if is_table or _ENGINES.fullmatch(owner):
            self._dropped.append((label, node.func))

    def _expression(self, node: ast.AST, scopes: Scopes, label: str) -> None:
        if isinstance(node, ast.Call):
            self._called(node, scopes, label)
        elif isinstance(node, ast.Subscript) and self._has_tables and isinstance(node.ctx, ast.Load):
            chosen = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
            if self._is_list(chosen, scopes):
                self._take(chosen, scopes, label, node)

    def _is_list(self, node: ast.expr, scopes: Scopes) -> bool:
        """Tell whether an expression is a list of names that are written down."""
        found = self._names.lookup(node.id, scopes) if isinstance(node, ast.Name) else node
        return isinstance(found, ast.List) and any(
            isinstance(item, ast.Constant) and isinstance(item.value, str) for item in found.elts
        )

    def _take(self, columns: ast.expr | None, scopes: Scopes, label: str, node: ast.expr) -> None:
        """Note the columns that are taken, each by its name where that is known."""
        found = self._names.lookup(columns.id, scopes) if isinstance(columns, ast.Name) else columns
        if isinstance(found, (ast.List, ast.Tuple, ast.Set)):
            for item in found.elts:
                inner = item.value if isinstance(item, ast.Starred) else item
                known = self._names.value(inner, scopes)
                self._listed[label].extend(known.value.split(",") if known else ())
        self._say(TAKEN, "named", label, node)

    def _called(self, node: ast.Call, scopes: Scopes, label: str) -> None:
        last = last_of(node.func)
        keywords = {item.arg: item.value for item in node.keywords if item.arg}
        if self._has_tables:
            first = node.args[0] if node.args else None
            columns = keywords.get("usecols") or (keywords.get("columns") if last in _READS else None)
            columns = columns or (keywords.get("items") if last == "filter" else None)
            if columns is not None or last == "select_columns":
                self._take(columns or first, scopes, label, node.func)
            elif last == "select" and first is not None and (_is_text(first) or self._is_list(first, scopes)):
                self._take(ast.List(node.args) if _is_text(first) else first, scopes, label, node.func)
            elif self._leaves_out(last, node, keywords):
                self._say(TAKEN, "all but", label, node.func)
        kind = self._digest(node, last, keywords)
        if kind:
            self._say("code:python-digest", kind, label, node.func)

    def _leaves_out(self, last: str, node: ast.Call, keywords: dict[str, ast.expr]) -> bool:
        if last == "drop":
            return "columns" in keywords or "axis" in keywords or (self._has_frames and bool(node.args))
        return last == "drop_columns" or (last in {"remove_columns", "exclude"} and bool(node.args))

    def _digest(self, node: ast.Call, last: str, keywords: dict[str, ast.expr]) -> str:
        dotted = self._names.dotted(node.func)
        if dotted in {"hmac.new", "hmac.digest"} or last in _KEYED or (last in _PLAIN and "key" in keywords):
            return "keyed"
        if last not in _PLAIN or not (node.args or keywords):
            return ""
        told = {name for item in (*node.args, *keywords.values()) for name in _words(item)}
        return "keyed" if any(_SALT.fullmatch(name) for name in told) else "plain"

    def _say(self, code: str, value: str, label: str, node: ast.expr) -> None:
        self._said[(code, label)].setdefault(value, node)


def _words(node: ast.AST) -> set[str]:
    return names_in(node) | {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in {"*", ""}


def _named(path: str, code: Parsed) -> Iterator[Unit]:
    """Yield a guard for each part of a federated training that hides what one participant learned."""
    found: dict[tuple[str, str], Unit] = {}
    nodes: tuple[ast.Name | ast.Attribute, ...] = (*code.nodes.of(ast.Name), *code.nodes.of(ast.Attribute))
    for node in nodes:
        if isinstance(node.ctx, ast.Load):
            name = last_of(node)
            rule = _rule_of(name)
            if rule and (rule, name) not in found:
                start, end = code.places.of(node)
                found[(rule, name)] = Unit(UnitKind.GUARD, name, path, start, end, guard=rule)
    yield from found.values()


@lru_cache(maxsize=4096)
def _rule_of(name: str) -> str:
    return SECURE_AGGREGATION if _AGGREGATES.fullmatch(name) else _PRIVATE if _LOCAL_DP.fullmatch(name) else ""


_HOOKS: Final = frozenset(
    ("mask", "masking_function", "anonymizer", "scrubber", "redactor", "event_scrubber", "pii_filter", "redaction", "before_send",
     "scrubbing", "hide_inputs", "hide_outputs", "span_processors", "additional_span_processors")
)  # fmt: skip
"""Keywords with which a client is told to take something out of what it sends."""
_ABOUT: Final = mentions(rf"\b(?:{'|'.join(sorted(_HOOKS))})\s*=")


def _imported(path: str, code: Parsed, modules: Modules) -> Iterator[Unit]:
    """Yield a guard for each client that another module of the repository made with such a keyword, and that is used here."""
    used = {node.id: node for node in code.nodes.of(ast.Name) if isinstance(node.ctx, ast.Load)}
    for alias, origin in code.names.imports.items():
        module, _, name = origin.rpartition(".")
        if alias in used and module and not module.startswith(("os", "typing")):
            call = modules.assigned(module, name, _ABOUT)
            hooks = [item.arg for item in call.keywords if item.arg in _HOOKS] if isinstance(call, ast.Call) else []
            if isinstance(call, ast.Call) and hooks:
                start, end = code.places.of(used[alias])
                title = f"{last_of(call.func)} {hooks[0]} of {name}"
                yield Unit(UnitKind.GUARD, title, path, start, end, guard=_SCRUB)
