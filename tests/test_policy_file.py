"""privet.toml, variables and flags: what tightens, what is refused, and that no refusal repeats a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import PolicyInvalid
from privet.policy import DEFAULT, SETTINGS, value_of, weakened, with_value
from privet.policy_file import LoadedPolicy, config_home, find_policy_file, load_policy, variable_of

Write = Callable[[str, str], Path]

TODAY = date(2026, 6, 15)
CANARY = "zebra-4111-quagga"
EXCEPTION = """
[[exception]]
rule = "serve.require_tls"
value = false
reason = "a proxy on this machine ends TLS"
owner = "ops@example.com"
expires = 2026-06-15
"""


RULE = """
[[detect.rules]]
id = "staff-number"
kind = "STAFF_NUMBER"
pattern = 'EMP-\\d{4}'
hits = ["«EMP-1234»"]
"""


def load(path: Path | None, *, flags: dict[str, Any] | None = None, **environment: str) -> LoadedPolicy:
    return load_policy(path, environment=environment, flags=flags, today=TODAY)


def refusal(path: Path | None, *, flags: dict[str, Any] | None = None, **environment: str) -> PolicyInvalid:
    with pytest.raises(PolicyInvalid) as caught:
        load(path, flags=flags, **environment)
    assert caught.value.hint, "every refusal says what to do"
    assert CANARY not in str(caught.value)
    return caught.value


def test_without_any_source_the_defaults_hold() -> None:
    loaded = load(None, HOME="/nonexistent", PATH="/usr/bin")
    assert loaded == LoadedPolicy()
    assert {loaded.state(setting_id) for setting_id in SETTINGS} == {"default"}


@pytest.mark.parametrize(
    ("text", "setting_id", "value"),
    [
        ("", "serve.max_choices", 4),
        ("[serve]\n", "serve.max_choices", 4),
        ("[serve]\nmax_choices = 1", "serve.max_choices", 1),
        ("[serve]\nmax_choices = 2.0", "serve.max_choices", 2),
        ("serve.max_choices = 3", "serve.max_choices", 3),
        ("serve = {max_choices = 3}", "serve.max_choices", 3),
        ("[serve]\nidle_timeout_seconds = 5", "serve.idle_timeout_seconds", 5.0),
        ("[serve]\nprompt_identifiers = 'refuse'", "serve.prompt_identifiers", "refuse"),
        ("[serve]\nprompt_identifiers = 'tokenize'", "serve.prompt_identifiers", "tokenize"),
        ("[serve]\nrequire_key = true", "serve.require_key", True),
        ("[serve]\nhosts = []", "serve.hosts", frozenset()),
        ("[logs]\nround_seconds = 3600", "logs.round_seconds", 3600),
        ("[logs]\nfields = ['status', 'route']", "logs.fields", frozenset({"status", "route"})),
        ("[detect]\nmin_score = 0.25", "detect.min_score", 0.25),
    ],
)
def test_a_file_sets_what_is_as_strict_or_stricter(write: Write, text: str, setting_id: str, value: Any) -> None:
    loaded = load(write("privet.toml", text))
    found = value_of(loaded.policy, setting_id)
    assert (found, type(found)) == (value, type(value_of(DEFAULT, setting_id)))
    assert loaded.state(setting_id) == ("default" if value == value_of(DEFAULT, setting_id) else "tightened")
    assert loaded.sources == ("privet.toml",)
    assert weakened(DEFAULT, loaded.policy) == ()


@pytest.mark.parametrize(
    ("text", "line", "says", "remedy"),
    [
        ("[serve]\n\nmax_choices =", 3, "not valid TOML", "correct this line"),
        (f"[serve]\nhosts = ['{CANARY}'\n", 3, "not valid TOML", "correct this line"),
        ("[serve]\nmax_choices = 1\nmax_choices = 1", 3, "not valid TOML", "correct this line"),
        (f"[serve]\nmax_choices = {'9' * 5000}", 2, "not valid TOML", "correct this line"),
        ("[serv]\n", 1, r"unknown table \[serv\]", r"did you mean serve\?"),
        (
            "\n[zzz]\n",
            2,
            r"unknown table \[zzz\]",
            "known: serve, detect, scrub, logs, process, audit, train, exception",
        ),
        ("\n\nlogs = 1", 3, r"unknown table \[logs\]", "logs"),
        (
            "[serve]\n# why\nmax_choises = 1",
            3,
            "unknown setting serve.max_choises",
            r"did you mean serve.max_choices\?",
        ),
        ("[logs]\n[serve]\nround_seconds = 1", 3, "unknown setting serve.round_seconds", "logs.round_seconds"),
        (f"[serve]\nprompt_identifiers = '{CANARY}'", 2, "not one of refuse, redact, tokenize, pass", "explain"),
        (f"serve.prompt_identifiers = '{CANARY}'", 1, "not one of refuse, redact, tokenize, pass", "explain"),
        ("\nserve = {prompt_identifiers = 1}", 2, "not one of refuse, redact, tokenize, pass", "explain"),
        (f"[serve]\nrequire_key = '{CANARY}'", 2, "not true or false", "explain serve.require_key"),
        ("[serve]\nrequire_key = 1", 2, "not true or false", "explain"),
        (f"[serve]\nhosts = '{CANARY}'", 2, "not a list of strings", "explain"),
        (f"[serve]\nhosts = ['{CANARY}', 1]", 2, "not a list of strings", "explain"),
        ("[logs]\n[serve.hosts]\n", 2, "not a list of strings", "explain"),
        (f"[logs]\nfields = ['{CANARY}']", 2, "logs.fields is not a list of entries of its default", "explain"),
        (f"[serve]\nmax_choices = '{CANARY}'", 2, "not a whole number of choices", "explain"),
        ("[serve]\nmax_choices = true", 2, "not a whole number of choices", "explain"),
        ("[serve]\nmax_choices = 1.5", 2, "not a whole number of choices", "explain"),
        ("[serve]\nmax_choices = -1", 2, "not a whole number of choices", "explain"),
        (f"[serve]\nmax_choices = {'9' * 400}", 2, "not a whole number of choices", "explain"),
        ("[serve]\nidle_timeout_seconds = inf", 2, "not a number of seconds", "explain"),
        ("[serve]\nidle_timeout_seconds = nan", 2, "not a number of seconds", "explain"),
        ("[detect]\nmin_score = 40", 2, "detect.min_score is not a number of score", "explain"),
        ("[serve]\nmax_choices = 5123", 2, "serve.max_choices is weaker than the value in force", "exception"),
        ("[serve]\nprompt_identifiers = 'pass'", 2, "is weaker than the value in force", "exception"),
        (f"[serve]\nhosts = ['{CANARY}']", 2, "serve.hosts is weaker", r"\[\[exception\]\] for serve.hosts"),
        ("[detect]\nkinds = ['PERSON']", 2, "detect.kinds is weaker", "exception"),
        ("[logs]\ncontent = true", 2, "logs.content cannot be loosened", "remove it"),
        ("[process]\ncore_dumps = true", 2, "process.core_dumps cannot be loosened", "remove it"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_remedy(
    write: Write, text: str, line: int, says: str, remedy: str
) -> None:
    error = refusal(write("privet.toml", text))
    assert error.message.startswith(f"privet.toml:{line}: ")
    assert re.search(says, error.message)
    assert re.search(remedy, error.hint)
    for value in ("5123", "99999", "1.5", "4111"):
        assert value not in str(error)


@pytest.mark.parametrize("setting_id", [name for name, known in SETTINGS.items() if known.fixed])
def test_no_source_loosens_a_fixed_setting(write: Write, setting_id: str) -> None:
    section, key = setting_id.split(".")
    weak = str(not value_of(DEFAULT, setting_id)).lower()
    assert "cannot be loosened" in refusal(write("privet.toml", f"[{section}]\n{key} = {weak}")).message
    assert "cannot be loosened" in refusal(None, **{variable_of(setting_id): weak}).message
    assert "cannot be loosened" in refusal(None, flags={setting_id: weak == "true"}).message
    text = EXCEPTION.replace("serve.require_tls", setting_id).replace("value = false", f"value = {weak}")
    assert "cannot be loosened" in refusal(write("privet.toml", text)).message


def test_an_exception_loosens_one_setting(write: Write) -> None:
    loaded = load(write("privet.toml", EXCEPTION))
    assert weakened(DEFAULT, loaded.policy) == ("serve.require_tls",)
    assert loaded.state("serve.require_tls") == "exception"
    assert loaded.state("serve.require_key") == "default"
    (item,) = loaded.exceptions
    assert (item.rule, item.value, item.owner, item.expires) == ("serve.require_tls", False, "ops@example.com", TODAY)
    assert loaded.expired == ()


@pytest.mark.parametrize("expires", ["2026-06-14", "2026-06-14T23:59:59Z", "1999-01-01"])
def test_an_expired_exception_is_as_if_absent_and_reported(write: Write, expires: str) -> None:
    loaded = load(write("privet.toml", EXCEPTION.replace("2026-06-15", expires)))
    assert loaded.policy == DEFAULT
    assert loaded.exceptions == ()
    assert [item.rule for item in loaded.expired] == ["serve.require_tls"]
    assert loaded.state("serve.require_tls") == "default"


@pytest.mark.parametrize(
    ("old", "new", "says", "remedy"),
    [
        ('rule = "serve.require_tls"\n', "", "has no rule", "rule, value, reason, owner, expires"),
        ("value = false\n", "", "has no value", "rule, value, reason, owner, expires"),
        ('reason = "a proxy on this machine ends TLS"\n', "", "has no reason", "reason"),
        ('"a proxy on this machine ends TLS"', '""', "has no reason", "reason"),
        ('"a proxy on this machine ends TLS"', '"  "', "reason is not a sentence", "quotes"),
        ('"a proxy on this machine ends TLS"', "true", "reason is not a sentence", "quotes"),
        ('owner = "ops@example.com"\n', "", "has no owner", "owner"),
        ('"ops@example.com"', "[1]", "owner is not a sentence", "quotes"),
        ("expires = 2026-06-15\n", "", "has no expires", "expires"),
        ("2026-06-15", '"next year"', "expires is not a date", "2027-01-31"),
        ("2026-06-15", "20260615", "expires is not a date", "2027-01-31"),
        ("2026-06-15", "10:00:00", "expires is not a date", "2027-01-31"),
        ("value = false", f'value = "{CANARY}"', "serve.require_tls is not true or false", "explain"),
        ("serve.require_tls", CANARY, "rule is not the id of a setting", "privet policy show lists"),
        ("serve.require_tls", "serve.require_tsl", "rule is not the id of a setting", r"mean serve.require_tls\?"),
        ("value = false\n", "value = false\nowners = 1\n", "unknown key owners", r"did you mean owner\?"),
    ],
)
def test_a_wrong_exception_is_refused(write: Write, old: str, new: str, says: str, remedy: str) -> None:
    assert old in EXCEPTION
    before = EXCEPTION.replace("serve.require_tls", "serve.max_choices").replace("false", "9")
    error = refusal(write("privet.toml", before + EXCEPTION.replace(old, new)))
    # The second block is named, not the first.
    assert error.message.startswith("privet.toml:9: ")
    assert re.search(says, error.message)
    assert re.search(remedy, error.hint)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (EXCEPTION.replace("[[exception]]", "[exception]"), "privet.toml:2: exceptions are not a list"),
        (f"\nexception = ['{CANARY}']", "privet.toml:2: an exception is not a table"),
        ("\nexception = [1]", "privet.toml:2: an exception is not a table"),
        (f"exception = '{CANARY}'", "privet.toml:1: exceptions are not a list"),
        ("exception = [{rule = 'serve.require_tls'}]", r"privet.toml:1: \[\[exception\]\] has no value"),
    ],
)
def test_exceptions_of_another_shape_are_refused(write: Write, text: str, says: str) -> None:
    assert re.match(says, refusal(write("privet.toml", text)).message)


@pytest.mark.parametrize(
    ("variable", "raw", "setting_id", "value"),
    [
        ("PRIVET_SERVE_MAX_CHOICES", "1", "serve.max_choices", 1),
        ("PRIVET_SERVE_PROMPT_IDENTIFIERS", "refuse", "serve.prompt_identifiers", "refuse"),
        ("PRIVET_SERVE_REQUIRE_KEY", "TRUE", "serve.require_key", True),
        ("PRIVET_SERVE_REMOTE_MEDIA", "0", "serve.remote_media", False),
        ("PRIVET_LOGS_FIELDS", " time, route ,", "logs.fields", frozenset({"time", "route"})),
        ("PRIVET_SERVE_HOSTS", "", "serve.hosts", frozenset()),
        ("PRIVET_DETECT_MIN_SCORE", "0.1", "detect.min_score", 0.1),
        ("PRIVET_LOGS_ROUND_SECONDS", "3600", "logs.round_seconds", 3600),
    ],
)
def test_a_variable_tightens(variable: str, raw: str, setting_id: str, value: Any) -> None:
    loaded = load(None, **{variable: raw})
    assert value_of(loaded.policy, setting_id) == value
    assert loaded.sources == (variable,)
    assert variable_of(setting_id) == variable


@pytest.mark.parametrize(
    ("variable", "raw", "says"),
    [
        ("PRIVET_SERVE_MAX_CHOICES", "5", "weaker"),
        ("PRIVET_SERVE_MAX_CHOICES", CANARY, "not a whole number"),
        ("PRIVET_SERVE_MAX_CHOICES", "1e400", "not a whole number"),
        ("PRIVET_SERVE_PROMPT_IDENTIFIERS", "pass", "weaker"),
        ("PRIVET_SERVE_PROMPT_IDENTIFIERS", CANARY, "not one of"),
        ("PRIVET_SERVE_REQUIRE_TLS", "false", "weaker"),
        ("PRIVET_SERVE_REQUIRE_TLS", "", "not true or false"),
        ("PRIVET_SERVE_REQUIRE_TLS", CANARY, "not true or false"),
        ("PRIVET_SERVE_HOSTS", CANARY, "weaker"),
        ("PRIVET_LOGS_ROUND_SECONDS", "1", "weaker"),
        ("PRIVET_DETECT_MIN_SCORE", "nan", "not a number"),
        ("PRIVET_SERVE_MAX_CHOISES", CANARY, r"unknown environment variable PRIVET_SERVE_MAX_CHOISES"),
        ("PRIVET_", CANARY, "unknown environment variable"),
        ("PRIVET_EXCEPTION", CANARY, "unknown environment variable"),
    ],
)
def test_a_variable_that_loosens_or_is_unknown_is_refused(variable: str, raw: str, says: str) -> None:
    error = refusal(None, **{variable: raw})
    assert variable in error.message
    assert re.search(says, error.message)


def test_an_unknown_variable_is_told_its_neighbour() -> None:
    assert "did you mean PRIVET_SERVE_MAX_CHOICES?" in str(refusal(None, PRIVET_SERVE_MAX_CHOISES="1"))


def test_each_source_refines_the_one_before(write: Write) -> None:
    path = write("privet.toml", "[serve]\nmax_choices = 2")
    assert value_of(load(path, PRIVET_SERVE_MAX_CHOICES="1").policy, "serve.max_choices") == 1
    assert "weaker" in str(refusal(path, PRIVET_SERVE_MAX_CHOICES="3"))
    assert "weaker" in str(refusal(path, flags={"serve.max_choices": 3}))
    assert value_of(load(path, flags={"serve.max_choices": 1}).policy, "serve.max_choices") == 1
    assert load(path, flags={"serve.max_choices": None}).policy == load(path).policy


def test_a_variable_tightens_an_exception_and_does_not_widen_it(write: Write) -> None:
    path = write("privet.toml", EXCEPTION.replace("serve.require_tls", "serve.max_choices").replace("false", "16"))
    assert value_of(load(path).policy, "serve.max_choices") == 16
    assert value_of(load(path, PRIVET_SERVE_MAX_CHOICES="8").policy, "serve.max_choices") == 8
    assert "weaker" in str(refusal(path, PRIVET_SERVE_MAX_CHOICES="17"))


@pytest.mark.parametrize("value", [CANARY, 7])
def test_a_flag_of_the_wrong_type_is_refused(value: Any) -> None:
    assert "flag for serve.prompt_identifiers" in str(refusal(None, flags={"serve.prompt_identifiers": value}))


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in str(refusal(tmp_path / "privet.toml"))
    assert "cannot be read" in str(refusal(tmp_path))
    broken = tmp_path / "broken.toml"
    broken.write_bytes(CANARY.encode() + b"\xff")
    assert "cannot be read as UTF-8" in str(refusal(broken))


def test_deep_nesting_is_refused(write: Write) -> None:
    assert "not valid TOML" in str(refusal(write("privet.toml", "a = " + "[" * 100_000)))


def test_the_folders_own_file_comes_before_the_users(tmp_path: Path) -> None:
    here, config = tmp_path / "here", tmp_path / "config"
    here.mkdir()
    (config / "privet").mkdir(parents=True)
    assert find_policy_file(here, config) is None
    (config / "privet" / "privet.toml").touch()
    assert find_policy_file(here, config) == config / "privet" / "privet.toml"
    (here / "privet.toml").touch()
    assert find_policy_file(here, config) == here / "privet.toml"


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    # A name too long fails for every user, where permissions do not hold for all.
    with pytest.raises(PolicyInvalid, match="cannot be read"):
        find_policy_file(tmp_path, tmp_path / ("x" * 300))


def test_without_a_home_there_is_no_file_of_the_users(tmp_path: Path) -> None:
    assert config_home({"HOME": "~nobody-of-this-name"}) is None
    assert find_policy_file(tmp_path, None) is None
    assert config_home({"HOME": "/nonexistent"}) == Path("/nonexistent/.config")
    assert config_home({"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/there"}) == Path("/there")


@given(st.data())
def test_no_text_file_weakens_a_default_without_an_exception(tmp_path: Path, data: st.DataObject) -> None:
    word = st.sampled_from(
        ["[serve]", "[logs]", "max_choices", "content", "hosts", "=", "\n", "true", "1", '["a"]', "."]
    )
    path = tmp_path / "privet.toml"
    path.write_text(" ".join(data.draw(st.lists(word, max_size=12))), encoding="utf-8")
    policy, message = DEFAULT, "privet.toml:1: none"
    try:
        policy = load(path).policy
    except PolicyInvalid as error:
        message = error.message
    assert re.match(r"privet\.toml:\d+: ", message)
    assert weakened(DEFAULT, policy) == ()


@given(st.sampled_from(list(SETTINGS)))
def test_every_default_may_be_written_out(setting_id: str) -> None:
    default = value_of(DEFAULT, setting_id)
    raw = ",".join(sorted(default)) if isinstance(default, frozenset) else str(default)
    assert load(None, **{variable_of(setting_id): raw}).policy == with_value(DEFAULT, setting_id, default)


def test_own_rules_tighten_and_bring_their_kinds(write: Write) -> None:
    loaded = load(write("privet.toml", RULE + RULE.replace("staff-", "desk-") + "score = 1\ncontext = ['desk']\n"))
    rules = {rule.id: rule for rule in loaded.policy.detect.rules}
    assert (rules["staff-number"].where, rules["desk-number"].where) == ("privet.toml:2", "privet.toml:8")
    assert (rules["staff-number"].score, rules["desk-number"].score) == (0.85, 1.0)
    assert rules["desk-number"].context == ("desk",)
    assert loaded.policy.detect.kinds == DEFAULT.detect.kinds | {"STAFF_NUMBER"}
    assert weakened(DEFAULT, loaded.policy) == ()
    assert weakened(loaded.policy, DEFAULT) == ("detect.kinds", "detect.rules")
    assert loaded.state("detect.rules") == "tightened"
    assert (
        loaded.policy
        == load(
            write(
                "same.toml",
                RULE.replace("\n", "\n\n") + RULE.replace("staff-", "desk-") + "score = 1\ncontext = ['desk']",
            )
        ).policy
    )


def test_a_changed_rule_counts_as_weaker(write: Write) -> None:
    before, after = load(write("a.toml", RULE)).policy, load(write("b.toml", RULE.replace("{4}", "{5}"))).policy
    assert weakened(before, after) == ("detect.rules",)


def test_an_own_kind_may_be_listed_and_not_left_out(write: Write) -> None:
    kinds = sorted(DEFAULT.detect.kinds)
    path = write("privet.toml", f"[detect]\nkinds = {[*kinds, 'STAFF_NUMBER']}\n" + RULE)
    assert "STAFF_NUMBER" in load(path).policy.detect.kinds
    assert "STAFF_NUMBER" in load(write("c.toml", f"[detect]\nkinds = {kinds}\n" + RULE)).policy.detect.kinds
    assert "weaker" in str(refusal(path, PRIVET_DETECT_KINDS=",".join(kinds)))
    assert load(path, PRIVET_DETECT_KINDS=",".join([*kinds, "STAFF_NUMBER"])).policy == load(path).policy


@pytest.mark.parametrize(
    ("old", "new", "says", "remedy"),
    [
        ("pattern", "patern", "unknown key patern", r"did you mean pattern\?"),
        ('id = "staff-number"\n', "", "the id of a rule is missing or not kebab-case", "write id"),
        ("staff-number", f"{CANARY} A", "the id of a rule is missing or not kebab-case", "write id"),
        ('kind = "STAFF_NUMBER"\n', "", "the kind of a rule is missing or not UPPER_SNAKE", "write kind"),
        ("STAFF_NUMBER", CANARY, "the kind of a rule is missing or not UPPER_SNAKE", "write kind"),
        ("STAFF_NUMBER", "STAFF_1", "the kind of a rule is missing or not UPPER_SNAKE", "write kind"),
        ("hits = [", f"score = '{CANARY}'\nhits = [", "score of a rule is not a score", "docs/policy.md"),
        ("hits = [", "score = 0\nhits = [", "score of a rule is not a score", "docs/policy.md"),
        ("hits = [", "context_score = 2\nhits = [", "context_score of a rule is not a score", "docs/policy.md"),
        ("hits = [", "case = 1\nhits = [", "case of a rule is not true or false", "docs/policy.md"),
        ("hits = [", f"words = '{CANARY}'\nhits = [", "words of a rule is not a list of strings", "docs/policy.md"),
        (
            "hits = [",
            f"words = ['{CANARY}', 1]\nhits = [",
            "words of a rule is not a list of strings",
            "docs/policy.md",
        ),
        ("hits = [", "words = ['']\nhits = [", "words of a rule is not a list of strings", "docs/policy.md"),
        ("pattern = 'EMP-\\d{4}'", "pattern = 4", "pattern of a rule is not a string", "docs/policy.md"),
        ("[[detect.rules]]", "[detect.rules]", "rules is not a list", "two brackets"),
    ],
)
def test_a_rule_of_another_shape_is_refused_with_its_line(
    write: Write, old: str, new: str, says: str, remedy: str
) -> None:
    assert old in RULE
    first = "" if new == "[detect.rules]" else RULE.replace("staff-", "desk-")
    error = refusal(write("privet.toml", first + RULE.replace(old, new)))
    assert error.message.startswith(f"privet.toml:{8 if first else 2}: ")
    assert re.search(says, error.message)
    assert re.search(remedy, error.hint)


def test_two_rules_of_one_id_are_refused(write: Write) -> None:
    assert "privet.toml:8: two entries of [[detect.rules]] are for staff-number" in str(
        refusal(write("privet.toml", RULE + RULE))
    )


def test_own_rules_come_from_the_file_only() -> None:
    assert "written as [[detect.rules]]" in str(refusal(None, PRIVET_DETECT_RULES=CANARY))
    assert "written as [[detect.rules]]" in str(refusal(None, flags={"detect.rules": [CANARY]}))
