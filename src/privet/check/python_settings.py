"""Python modules → defaults and constants that say by their name what they are for: for comparing two sides of a change.

Read are constants of modules and classes, defaults of parameters, of options and of fields, keys of dicts and keywords of calls. A name
tells the rule that it is a fact of (`code:python-default-retention`); a name that config files have as well is a fact of that.

Invariants: nothing is run; a unit is one setting in one scope, so that the order of settings decides nothing; a value that the file does
not settle is None.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Final, NamedTuple

from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.known import CONFIG_KEYS
from privet.check.pattern import mentions, regex
from privet.check.python_names import Scopes
from privet.check.python_nodes import Parsed
from privet.check.python_scrubs import is_scrub_name
from privet.check.python_syntax import last_of
from privet.check.python_walk import Reader

_TIMES: Final = r"(?:days?|hours?|weeks?|months?|minutes?|seconds?|secs?|ms|millis|s|d|h)"
_KEPT: Final = (
    r"(?:chats?|history|conversations?|prompts?|messages?|logs?|uploads?|transcripts?|memory"
    r"|user_data|data|files?|records?|audit|events?|samples?|traces?)"
)
_WRITTEN: Final = (
    r"(?:prompts?|messages|conversations?|chats?|chat_history|transcripts?|pii|completions?|user_\w+|raw_\w+"
    r"|(?:request|response|message)_(?:body|bodies|content)"
    r"|bodies|message_content|prompt_content|content|questions|answers|queries)"
)
_SHOWS: Final = r"(?:log|save|store|record|capture|persist|dump|trace|print|collect|export|upload|send|share|include)"
_DP: Final = mentions(
    r"opacus|make_private|noise_multiplier|\bdp_?sgd|differential.?privacy|tensorflow_privacy|dp_accounting"
    r"|diffprivlib|\bdp_|_dp\b|privacy_budget",
    ignore_case=True,
)
_FINDS: Final = (
    r"(?:pii|phi|presidio|recogni[sz]ers?|anonymi[sz]\w*|de_?identif\w*|pseudonymi[sz]\w*|redact\w*|scrub\w*|gliner)"
)
_SCORE: Final = r"(?:(?:min(?:imum)?_)?(?:score|confidence)(?:_(?:threshold|cutoff|min))?|threshold|cutoff)"
_SCORES: Final = regex(r"(?:(?:min|default|score|confidence)_)+(?:score|confidence|threshold)|threshold")
"""Names that are about what is found of people in a function or module that finds it."""
_PRESIDIO: Final = mentions(r"(?m)^\s*(?:import|from) (?:presidio_analyzer|gliner)\b")
_LOCAL: Final = regex(r"(?:\w+://)?(?:[^@/]*@)?(?:localhost|127\.|0\.0\.0\.0|\[?::1|host\.docker\.internal)")


class _Kind(NamedTuple):
    """A rule, and the names of its settings; `private` where they mean it only beside differential privacy, `called` only in calls."""

    rule: str
    names: str
    private: bool = False
    called: bool | None = None


def _kind(rule: str, pattern: str, *, private: bool = False, called: bool | None = None) -> _Kind:
    return _Kind(f"code:python-default-{rule}", pattern, private, called)


_KINDS: Final = (
    _kind("epsilon", r"(?:(?:target|max|total|dp|privacy|train(?:ing)?)_)*(?:epsilon|eps)(?:_budget|_total)?"
        r"|privacy_budget", private=True),
    _kind("delta", r"(?:(?:target|dp|privacy)_)*delta", private=True),
    _kind("noise", r"(?:dp_)?(?:noise(?:_(?:scale|sigma|std|level))?|sigma)", private=True),
    _kind("clipping", r"(?:(?:dp|per_sample|per_example)_)*(?:max_)?(?:grad(?:ient)?_norm|l2_norm_clip"
        r"|grad(?:ient)?_clip\w*|clip(?:ping)?_(?:norm|bound|threshold))", private=True),
    _kind("retention", rf"(?:\w+_)?retention(?:_(?:{_TIMES}|period|time))?|(?:retain|keep|purge|delete"
        rf"|expire)(?:_\w+)?_(?:after|for|{_TIMES})(?:_{_TIMES})?"
          rf"|{_KEPT}_(?:ttl|max_age|expiry|lifetime|lifespan)(?:_{_TIMES})?|(?:ttl|max_age)_days"),
    _kind("host", r"(?:(?:bind|listen|server|api|serve|web|ui|app|http|grpc|metrics|dashboard)_)?(?:host"
        r"|addr(?:ess)?|ip)|server_name|bind|listen", called=False),
    _kind("content", rf"(?:(?:enable|allow|do|should)_)?{_SHOWS}_{_WRITTEN}|send_default_pii|(?:prompt|content"
        rf"|message|completion)s?_logging(?:_enabled)?"),
    _kind("requests", r"(?:enable_)?(?:log|trace|capture)_(?:requests?|inputs?|outputs?|responses?|samples?"
        r"|texts?|payloads?|body|data|locals|headers)"),
    _kind("sharing", r"(?:(?:enable|allow|use|send|collect)_)?(?:telemetry|analytics|usage_stats|tracking"
        r"|tracing)(?:_enabled)?|share|public|is_public|make_public|allow_anonymous"
          r"|(?:enable|allow)_(?:sharing|signup|remote_code|dangerous_\w+|pickle|unsafe_\w+)"
          r"|allow_dangerous_deserialization|allow_pickle|upload_\w+|anonymous_access|train_on_(?:user|customer"
          r"|chat|prompt|conversation|feedback)\w*|use_for_training|allow_training"),
    _kind("protection", r"(?:require|enable|use|check|enforce|need)s?_(?:\w+_)?(?:auth|authentication|login"
        r"|api_key|token|tls|ssl|https|encryption|consent|dp|differential_privacy|redaction|scrubbing"
        r"|anonymization|pii_filter\w*)"
          r"|(?:\w+_)?(?:auth|login|authentication|encryption|tls|consent|redaction|scrubbing|anonymi[sz]ation"
          r"|masking|pii_filter(?:ing)?|pii_redaction|dp|privacy)_(?:enabled|required|on|mode)"
          r"|encrypt_\w+|\w+_encrypted|offline(?:_mode)?|local_only|local_files_only|no_telemetry"
          r"|disable_(?:telemetry|tracing|analytics|tracking)|opt_out(?:_\w+)?|do_not_track"
          r"|weights_only|safe_serialization|use_safetensors|secure_mode|private|redaction|anonymi[sz]ation"
          r"|hide_(?:inputs?|outputs?)"),
    _kind("unverified", r"verify_ssl|ssl_verify|verify_tls|tls_verify|verify_certs?|verify_certificates?"
        r"|check_hostname|verify_ssl_certs|validate_certs|sslverify"),
    _kind("unverified", r"verify", called=True),
    _kind("group", r"(?:\w+_)?(?:k_?anonym\w*|l_diversity|min_(?:group|cohort|cell|bucket"
        r"|cluster_of_people|population)_(?:size|count|n)|min_(?:participants|respondents|patients|people|persons|individuals)|small_cell\w*|suppress_below)"),
    _kind("insecure", r"insecure|allow_insecure|skip_tls_verify|skip_ssl_verify|insecure_skip_verify"
        r"|no_verify_ssl|no_ssl_verify|tls_insecure|tlsallowinvalidcertificates|tlsinsecure"),
    _kind("plain", r"secure|https|use_ssl|use_tls|ssl|tls|http_secure|grpc_secure|use_https", called=True),
    _kind("plain-default", r"(?:\w+_)?(?:secure|https|use_ssl|use_tls|ssl|tls|use_https)", called=False),
    _kind("sslmode", r"(?:\w+_)?ssl_?mode"),
    _kind("score", rf"(?:\w+_)?{_FINDS}_(?:\w+_)?{_SCORE}|{_FINDS}_{_SCORE}"),
)  # fmt: skip
_NAMED: Final = mentions(rf"\A(?:{'|'.join(kind.names for kind in _KINDS)})\z")
"""Tells whether a name is one of any kind: most are not."""
_DICTS: Final = 400
INTERESTING: Final = mentions(
    "|".join(sorted(CONFIG_KEYS))
    + r"|epsilon|eps\b|delta|noise|sigma|clip|grad|retention|_days|ttl|max_age|retain|keep|purge|delete|expir"
    r"|lifetime|lifespan|expiry|host|addr|_ip\b|\bip\b|bind|listen"
    r"|server_name|log_|log-|store|save|record|capture|persist|dump|trac|print_|collect|export|upload|send|share"
    r"|include_|logging|telemetry|analytics|usage|public|anonym|allow"
    r"|require|enable|check|enforce|need|auth|login|encrypt|tls|consent|redact|scrub|mask|pii|privacy|offline"
    r"|local|opt_out|opt-out|do_not_track|weights_only|safe|secure|private"
    r"|hide|verify|ssl|https|certs|threshold|score|confidence|group|cohort|cell|diversity|suppress|remove|drop|strip|hash|sanitize|filter"
    r"|budget|train_on|training",
    ignore_case=True,
)
"""What stands in a module that has such a setting, and in most others."""


class Settings(Reader):
    """The settings of a module, a unit each."""

    most_keys = _DICTS

    def __init__(self, path: str, text: str, code: Parsed) -> None:
        self.units: list[Unit] = []
        self.nodes = code.nodes
        self._path = path
        self._names = code.names
        self._places = code.places
        self._is_private = _DP(text)
        self._finds = _PRESIDIO(text)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scopes: Scopes, label: str) -> None:
        """Take the defaults of parameters, and settings in decorators."""
        positional = [*node.args.posonlyargs, *node.args.args]
        pairs = list(zip(reversed(positional), reversed(node.args.defaults), strict=False))
        pairs += [
            (item, value)
            for item, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            if value is not None
        ]
        for argument, default in pairs:
            self._setting(argument.arg, default, scopes, node.name)
        for decorator in node.decorator_list:
            self.expressions(decorator, scopes, label)

    def named(self, name: str, value: ast.expr, scopes: Scopes, label: str) -> None:
        """Take what a name is given."""
        self._setting(name, value, scopes, label)

    def called(self, node: ast.Call, scopes: Scopes, label: str) -> None:
        """Take an option of a command line, or the keywords of a call."""
        last = last_of(node.func)
        if last in {"add_argument", "option", "add_option", "Option", "argument"}:
            self._option(node, scopes)
            return
        is_local = any(
            isinstance(item, ast.Constant) and isinstance(item.value, str) and _LOCAL.match(item.value)
            for item in (*node.args, *(keyword.value for keyword in node.keywords))
        )
        for keyword in node.keywords:
            if keyword.arg and not is_local:
                self._setting(keyword.arg, keyword.value, scopes, f"{label}.{last}", called=True)

    def _option(self, node: ast.Call, scopes: Scopes) -> None:
        flags = [item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        long = next((flag for flag in flags if flag.startswith("--")), "")
        keywords = {item.arg: item.value for item in node.keywords if item.arg}
        dest = keywords.get("dest")
        name = (
            str(dest.value) if isinstance(dest, ast.Constant) else long.partition("/")[0].lstrip("-").replace("-", "_")
        )
        action = keywords.get("action")
        if "default" in keywords:
            self._setting(name, keywords["default"], scopes, "option")
        elif isinstance(action, ast.Constant) and action.value in {"store_true", "store_false"}:
            self._add(name, str(action.value == "store_false"), action, "option", called=False)

    def _setting(self, name: str, value: ast.expr, scopes: Scopes, label: str, *, called: bool = False) -> None:
        if not called and _SCORES.fullmatch(name.lower()) and (self._finds or is_scrub_name(label)):
            name = f"pii_{name}"
        if (
            not name
            or isinstance(value, (ast.Lambda, ast.Compare))
            or not _kind_of(name.lower(), self._is_private, called)
        ):
            return
        duration = _duration(value)
        if duration is not None:
            self._add(name, duration, value, label, called=called)
            return
        known = self._names.value(value, scopes)
        is_settled = known is not None and isinstance(known.node, (ast.Constant, ast.UnaryOp, ast.List, ast.Tuple))
        if is_settled and known is not None:
            self._add(name, known.value, known.node, label, called=called)

    def _add(self, name: str, value: str, node: ast.expr, label: str, *, called: bool) -> None:
        kind = _kind_of(name.lower(), self._is_private, called)
        if kind:
            start, end = self._places.of(node)
            fact = Fact(Space.KEY, kind, value, self._path, start, end)
            self.units.append(Unit(UnitKind.DEFAULT, f"{label}:{name.lower()}", self._path, start, end, facts=(fact,)))


def kind_of(name: str) -> str:
    """Return the rule of a setting of this name outside of code, or ""."""
    return _kind_of(name, is_private=False, called=False)


@lru_cache(maxsize=4096)
def _kind_of(name: str, is_private: bool, called: bool) -> str:
    """Return the rule of a setting of this name, or ""."""
    name = name.lstrip("_")
    if _NAMED(name) or not name.isascii():  # RE2 knows no other letters
        for kind in _KINDS:
            if kind.called in {None, called} and re.fullmatch(kind.names, name) and (is_private or not kind.private):
                return kind.rule
    if is_scrub_name(name):
        return "code:python-default-protection"
    return f"settings.{name}" if name in CONFIG_KEYS and not called else ""


def _duration(node: ast.expr) -> str | None:
    """Return the seconds of `timedelta(days=30)`, and of `30 * 24 * 3600`."""
    if isinstance(node, ast.Call) and last_of(node.func) == "timedelta":
        units = {"weeks": 604800.0, "days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
        total = 0.0
        pairs = [("days", item) for item in node.args[:1]] + [(item.arg or "", item.value) for item in node.keywords]
        for name, item in pairs:
            if not isinstance(item, ast.Constant) or not isinstance(item.value, (int, float)) or name not in units:
                return None
            total += item.value * units[name]
        return f"{total:g}"
    number = _product(node) if isinstance(node, ast.BinOp) else None
    return None if number is None else f"{number:g}"


def _product(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Pow)):
        left, right = _product(node.left), _product(node.right)
        if left is not None and right is not None and abs(left) < 1e12 and abs(right) < 1e12:
            return left * right if isinstance(node.op, ast.Mult) else left**right if abs(right) < 8 else None
    return None
