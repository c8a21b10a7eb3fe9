"""Every default of Privet, in one frozen object that reads like a document.

Invariants, each with a property test:

- Every field declares which direction is safer, its unit and the reason for its default.
- `meet` is commutative, associative and idempotent, and `meet(a, b)` is never weaker than `a` or `b` in any field.
- A change from `old` to `new` weakens privacy exactly when `meet(new, old) != new`.
- A fixed setting has one allowed value: no file, flag, variable or exception changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, cast

from privet.records import KINDS

Direction = Literal["false", "true", "smaller", "larger", "subset", "superset", "ranked"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known about one field of the policy beside its value.

    `safer` is the direction in which privacy grows; `ranks` lists the values of a ranked setting, safest first;
    `fixed` settings cannot be loosened by any exception.
    """

    safer: Direction
    says: str
    reason: str
    unit: str = ""
    ranks: tuple[str, ...] = ()
    fixed: bool = False

    def meet(self, left: Any, right: Any) -> Any:
        """Return the stricter of two values."""
        return _MEETS[self.safer](left, right) if not self.ranks else min(left, right, key=self.ranks.index)


EVERYTHING: Final = "*"
"""In a set that says what may stay: all there is."""


def _both(left: frozenset[Any], right: frozenset[Any]) -> frozenset[Any]:
    """Return what two sets have in common, where one may hold everything.

    >>> sorted(_both(frozenset("*"), frozenset("ab")))
    ['a', 'b']
    """
    if EVERYTHING in left and EVERYTHING in right:
        return left | right
    if EVERYTHING in left:
        return right
    return left if EVERYTHING in right else left & right


_MEETS: Final[dict[Direction, Callable[[Any, Any], Any]]] = {
    "false": lambda left, right: left and right,
    "true": lambda left, right: left or right,
    "smaller": min,
    "larger": max,
    "subset": _both,
    "superset": lambda left, right: left | right,
}


def setting(default: object, safer: Direction, says: str, reason: str, **more: Any) -> Any:
    """Declare a field of the policy: its default, the safer direction, what it does, and why it is so."""
    return field(default=default, metadata={"setting": Setting(safer, says, reason, **more)})


MIB: Final = 1024 * 1024
_HINTS: Final = frozenset(("LOCATION", "ORGANIZATION", "DATE_TIME", "AGE", "NRP", "OCCUPATION", "MISC", "QUANTITY"))
"""Kinds that tell who somebody is only together with others, and that most questions about the world are made of."""


@dataclass(frozen=True, slots=True)
class ServePolicy:
    """The endpoint."""

    prompt_identifiers: str = setting(
        "tokenize",
        "ranked",
        "identifiers in a prompt become tokens before the model sees them, and are put back in the answer",
        "the model, its server, its logs and its caches cannot leak what they never saw",
        ranks=("refuse", "redact", "tokenize", "pass"),
    )
    prompt_kinds_shown: frozenset[str] = setting(
        _HINTS,
        "subset",
        "kinds that the model may see in a prompt; all others are masked",
        "who somebody is and how to reach them is masked; without places, dates, organizations and jobs no question could be asked",
    )
    answer_identifiers: str = setting(
        "redact",
        "ranked",
        "identifiers that the model utters and the prompt did not hold are replaced by a label",
        "a model can recite people from its training data; the caller never gave these",
        ranks=("redact", "pass"),
    )
    answer_kinds_shown: frozenset[str] = setting(
        _HINTS | {"PERSON", "ID_NUMBER"},
        "subset",
        "kinds that an answer may hold though the prompt did not; all others are replaced",
        "an answer that may not say who wrote Hamlet is of little use; where names are replaced, streams run seven words behind",
    )
    answer_min_score: float = setting(
        0.5,
        "smaller",
        "lowest score at which an identifier in an answer is replaced",
        "public web addresses score lower: an answer without any link is of little use",
        unit="score 0..1",
    )
    persist_queries: bool = setting(
        False,
        "false",
        "no prompt, answer, embedding, name, address or key is written to disk, log, metric or trace",
        "what is not kept cannot be subpoenaed, stolen or trained on",
        fixed=True,
    )
    stored_state: bool = setting(
        False,
        "false",
        "requests that ask for storage or refer to something stored are refused",
        "store, previous_response_id, conversation, background and stored prompts all need a copy of the query",
        fixed=True,
    )
    remote_media: bool = setting(
        False,
        "false",
        "remote image and file addresses and file ids are refused; data: images lose their metadata",
        "fetching a caller's address tells a third party who asked, and reaches inside the network",
        fixed=True,
    )
    hosted_tools: bool = setting(
        False,
        "false",
        "tools that run on a server (search, MCP, code interpreter, computer) are refused",
        "they send the conversation somewhere the caller cannot see",
        fixed=True,
    )
    token_probabilities: bool = setting(
        False,
        "false",
        "logprobs, echo, logit_bias and token ids are refused",
        "they are the input of membership inference and training-data extraction (Carlini et al. 2021)",
        fixed=True,
    )
    caller_fields: bool = setting(
        False,
        "false",
        "user, metadata, service tier and cache keys are stripped; a cache salt per key is put in their place",
        "clients send them by habit; they name the person who asks, and shared prefix caches leak by timing",
        fixed=True,
    )
    unknown_fields: bool = setting(
        False,
        "false",
        "a field that is not on the allow-list is refused",
        "a block-list misses every field that engines add next month",
        fixed=True,
    )
    max_choices: int = setting(
        4,
        "smaller",
        "most answers (n, best_of) to one prompt",
        "many samples of one prompt are how memorized text is extracted",
        unit="choices",
    )
    require_key: bool = setting(
        True,
        "true",
        "every route that touches a model needs the key, on loopback too; only its hash is stored",
        "any page in a browser and any program of any user can reach a loopback port",
        fixed=True,
    )
    require_tls: bool = setting(
        True,
        "true",
        "beyond loopback the endpoint does not start without TLS",
        "prompts and the key would cross the network in the clear",
    )
    plain_http_upstream: bool = setting(
        False,
        "false",
        "an upstream beyond loopback must be reached through TLS",
        "tokens hide identifiers, not the rest of the prompt",
    )
    hosts: frozenset[str] = setting(
        frozenset(),
        "subset",
        "further host names this endpoint answers to",
        "a foreign Host header is how a web page reaches a loopback port (DNS rebinding)",
    )
    origins: frozenset[str] = setting(
        frozenset(),
        "subset",
        "web origins beside its own page that may call the endpoint",
        "a web page that guesses or steals the key could use it from a browser",
    )
    max_body_bytes: int = setting(8 * MIB, "smaller", "largest request body", "bounds memory per request", unit="bytes")
    max_answer_bytes: int = setting(
        64 * MIB, "smaller", "largest answer taken from the upstream", "bounds memory per request", unit="bytes"
    )
    max_header_bytes: int = setting(
        16 * 1024, "smaller", "largest request line and headers", "bounds memory per connection", unit="bytes"
    )
    max_concurrent_requests: int = setting(
        2048, "smaller", "requests in work at one time; more get 503", "bounds memory", unit="requests"
    )
    header_timeout_seconds: float = setting(
        10.0, "smaller", "time a client has for its headers", "slow-loris connections are closed", unit="seconds"
    )
    body_timeout_seconds: float = setting(
        30.0, "smaller", "time a client has for its body", "slow bodies are closed", unit="seconds"
    )
    answer_timeout_seconds: float = setting(
        600.0, "smaller", "time an answer may take in all", "nothing is held for ever", unit="seconds"
    )
    idle_timeout_seconds: float = setting(
        120.0,
        "smaller",
        "silence allowed from the upstream or a slow reader",
        "nothing is held for ever",
        unit="seconds",
    )


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A rule of the project's own, from `[[detect.rules]]`: a pattern or a list of words. `privet.detect.custom` makes it work.

    What it looks for may be confidential, so neither `str` nor `repr` shows that; `where` is the line it was read from.
    """

    id: str
    kind: str
    pattern: str = field(default="", repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)
    case: bool = False
    checksum: str = field(default="", repr=False)
    context: tuple[str, ...] = field(default=(), repr=False)
    context_score: float = 0.0
    needs_context: bool = False
    score: float = 0.85
    hits: tuple[str, ...] = field(default=(), repr=False)
    misses: tuple[str, ...] = field(default=(), repr=False)
    where: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class DetectPolicy:
    """What counts as an identifier."""

    kinds: frozenset[str] = setting(
        frozenset(KINDS), "superset", "kinds that are looked for", "every kind the rules know is on"
    )
    min_score: float = setting(
        0.4,
        "smaller",
        "lowest score that counts as found",
        "below it stand shapes without a checksum or a context word, which are mostly not identifiers",
        unit="score 0..1",
    )
    rules: frozenset[OwnRule] = setting(
        frozenset(),
        "superset",
        "rules of your own beside the built-in ones: [[detect.rules]] in privet.toml, nowhere else",
        "only you know how your customer numbers and code names look; a rule whose own examples fail stops the start",
    )


@dataclass(frozen=True, slots=True)
class Transform:
    """What becomes of one column, or of one kind of identifier, from `[[scrub.transform]]`.

    `how` is remove, label, mask, pseudonym, token, realistic, shift, generalise or drop. A column is transformed whole, as the `kind`
    beside it. To generalise takes one of `step` (numbers to bands of that width), `keep_chars` (a code to its first characters) and `to`
    (a time to its week, month, quarter, year or decade). `subject` names the column that says whose value it is: another person gets
    other pseudonyms and another shift. The bounds of these keep a value from passing as it was.
    """

    how: str
    column: str = ""
    kind: str = ""
    step: float = 0.0
    keep_chars: int = 0
    to: str = ""
    subject: str = ""
    where: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.column or self.kind}: {self.how}"


@dataclass(frozen=True, slots=True)
class ScrubPolicy:
    """Files and datasets: raw in, clean out."""

    metadata: bool = setting(
        False,
        "false",
        "no metadata is kept: authors, places, devices, times, comments, tracked changes, statistics, paths, hosts",
        "a clean text with its author's name in the file is not clean",
        fixed=True,
    )
    unknown_files: bool = setting(
        False,
        "false",
        "what cannot be read and cleaned is set aside and reported, never copied",
        "a copied file is one that nobody looked into",
        fixed=True,
    )
    columns: frozenset[str] = setting(
        frozenset({EVERYTHING}),
        "subset",
        "columns of a table or top-level fields of a record that are kept; all others are dropped, and that is said",
        "what is not needed cannot leak; only you know what is needed, so until you say it all columns stay and are cleaned",
    )
    transform: frozenset[Transform] = setting(
        frozenset(),
        "superset",
        "what becomes of a column or of a kind, other than a label: [[scrub.transform]] in privet.toml, nowhere else",
        "training may need ages in bands, or the same pseudonym for the same person",
    )
    quasi_identifiers: frozenset[str] = setting(
        frozenset(),
        "superset",
        "columns that together may single somebody out; rows in groups smaller than min_group_rows are dropped",
        "age, postcode and sex single out most people (Sweeney 2000)",
    )
    sensitive: frozenset[str] = setting(
        frozenset(),
        "superset",
        "columns whose value must differ within each group of quasi-identifiers",
        "a group of five with one diagnosis tells the diagnosis of all five (Machanavajjhala et al. 2007)",
    )
    min_group_rows: int = setting(
        5,
        "larger",
        "smallest group of rows with the same quasi-identifiers (k of k-anonymity)",
        "five is the usual least for released tables of people",
        unit="rows",
    )
    min_sensitive_values: int = setting(
        2,
        "larger",
        "fewest different values of each sensitive column in a group (l of l-diversity)",
        "with one value a group has no secret left",
        unit="values",
    )
    duplicates: str = setting(
        "drop",
        "ranked",
        "a record that is the same as one before it, after scrubbing, is dropped",
        "what a model sees more often it recites sooner (Carlini et al. 2023)",
        ranks=("drop", "keep"),
    )
    near_duplicates: str = setting(
        "drop",
        "ranked",
        "a record whose words are nearly those of one before it, after scrubbing, is dropped",
        "most memorized text stands in the data more than once with small changes (Lee et al. 2022)",
        ranks=("drop", "keep"),
    )
    near_similarity: float = setting(
        0.8,
        "smaller",
        "share of three-word sequences that two records have in common to be near duplicates (Jaccard)",
        "the threshold of the published deduplications of web text",
        unit="score 0..1",
    )
    picture_text: str = setting(
        "cover-if-installed",
        "ranked",
        "identifiers in the pixels of pictures are covered: always, where `privet[pictures]` is installed, or never",
        "a screenshot or a scan says as much as a text; without a reader the manifest says that pixels were not looked at",
        ranks=("cover", "cover-if-installed", "keep"),
    )
    picture_faces: str = setting(
        "cover-if-installed",
        "ranked",
        "faces in pictures are covered: always, where `privet[pictures]` is installed, or never",
        "a face is an identifier that needs no name",
        ranks=("cover", "cover-if-installed", "keep"),
    )
    max_file_bytes: int = setting(
        2048 * MIB,
        "smaller",
        "largest file that has to be read whole (documents, archives); tables and text of any size are streamed",
        "bounds memory",
        unit="bytes",
    )
    max_unpacked_bytes: int = setting(
        4096 * MIB,
        "smaller",
        "bytes that one file may unpack to, members of members included",
        "a zip bomb fills memory and disk",
        unit="bytes",
    )
    max_depth: int = setting(
        8, "smaller", "archives in archives, mails in mails", "some archives hold themselves", unit="levels"
    )
    max_record_bytes: int = setting(64 * MIB, "smaller", "longest line or record", "bounds memory", unit="bytes")
    max_seconds: int = setting(
        600,
        "smaller",
        "time that one file, or each 32 MiB of a larger one, may take",
        "a hostile file must not hang the rest",
        unit="seconds",
    )


@dataclass(frozen=True, slots=True)
class LogsPolicy:
    """What is written about a request."""

    content: bool = setting(
        False,
        "false",
        "a log line has no field that could hold content, an address, an agent or a name",
        "logs are copied, shipped and kept longer than anybody remembers",
        fixed=True,
    )
    fields: frozenset[str] = setting(
        frozenset(
            {
                "time",
                "route",
                "status",
                "latency",
                "prompt_tokens",
                "answer_tokens",
                "masked",
                "redacted",
                "rule",
                "caller",
            }
        ),
        "subset",
        "fields of the access log; fewer is safer, none switches it off",
        "each is a template, a bucket, a count or a keyed id of this process",
    )
    round_seconds: int = setting(
        60,
        "larger",
        "times in the log are rounded down to this",
        "exact times join logs of different systems",
        unit="seconds",
    )


@dataclass(frozen=True, slots=True)
class ProcessPolicy:
    """The process that holds the text in memory."""

    core_dumps: bool = setting(
        False,
        "false",
        "core dumps are off, and other processes of the same user cannot attach or read its memory",
        "a crash would write every prompt in memory to disk",
        fixed=True,
    )
    content_capture: bool = setting(
        False,
        "false",
        "the endpoint refuses to start where tracing of message content is switched on",
        "OpenTelemetry's GenAI capture sends whole conversations to the trace backend",
        fixed=True,
    )
    outside_connections: bool = setting(
        False,
        "false",
        "the process connects to its upstream and to nothing else",
        "telemetry, update checks and hubs phone home from inside libraries",
        fixed=True,
    )


@dataclass(frozen=True, slots=True)
class AuditPolicy:
    """What audits have to show."""

    max_leak_rate: float = setting(
        0.1,
        "smaller",
        "a sampled test of an endpoint passes only where, with 95 % confidence, fewer answers than this leak",
        "36 clean answers show it, which even a small model on two cores gives in half a minute; what shows less is underpowered",
        unit="share 0..1",
    )
    endpoint_demands: Literal["proof", "no-leak"] = setting(
        "no-leak",
        "ranked",
        "exit code 0 of `privet audit endpoint` means that nothing leaked, or (proof) that every test that was asked for passed",
        "most tests need a second key, a folder or a process to look at, and the first audit of an endpoint rarely has them",
        ranks=("proof", "no-leak"),
    )


@dataclass(frozen=True, slots=True)
class TrainPolicy:
    """What fine-tuning may tell of the data it saw."""

    max_epsilon: float = setting(
        8.0,
        "smaller",
        "one training run spends at most this epsilon; a larger one is refused",
        "up to about 10 the formal bound still means something (Ponomareva et al. 2023), and audits of runs at 8 find attacks near chance",
        unit="epsilon",
    )
    dataset_epsilon: float = setting(
        8.0,
        "smaller",
        "all training runs on a dataset together spend at most this epsilon, by the ledger",
        "each further run tells more about the same people, and what is spent does not come back",
        unit="epsilon",
    )
    max_delta: float = setting(
        1e-5,
        "smaller",
        "the chance with which the bound of epsilon may fail is at most this, and 1/n² for n examples",
        "above one in the number of people a mechanism could publish somebody whole and still keep its bound",
        unit="share 0..1",
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """Every privacy default of a project. Combine two with `meet`.

    >>> strict = replace(DEFAULT, serve=replace(DEFAULT.serve, prompt_identifiers="refuse"))
    >>> meet(DEFAULT, strict).serve.prompt_identifiers
    'refuse'
    """

    serve: ServePolicy = field(default_factory=ServePolicy)
    detect: DetectPolicy = field(default_factory=DetectPolicy)
    scrub: ScrubPolicy = field(default_factory=ScrubPolicy)
    logs: LogsPolicy = field(default_factory=LogsPolicy)
    process: ProcessPolicy = field(default_factory=ProcessPolicy)
    audit: AuditPolicy = field(default_factory=AuditPolicy)
    train: TrainPolicy = field(default_factory=TrainPolicy)


DEFAULT: Final = Policy()


def settings() -> Iterator[tuple[str, Setting]]:
    """Yield every setting of the policy as (id, setting); ids look like `serve.require_key`."""
    for section in fields(Policy):
        for item in fields(getattr(DEFAULT, section.name)):
            yield f"{section.name}.{item.name}", cast("Setting", item.metadata["setting"])


SETTINGS: Final = dict(settings())


def value_of(policy: Policy, setting_id: str) -> Any:
    """Return the value of one setting."""
    section, name = setting_id.split(".")
    return getattr(getattr(policy, section), name)


def with_value(policy: Policy, setting_id: str, value: object) -> Policy:
    """Return the policy with one setting replaced, whichever direction that is."""
    section, name = setting_id.split(".")
    return replace(policy, **{section: replace(getattr(policy, section), **{name: value})})


def meet(left: Policy, right: Policy) -> Policy:
    """Return the policy that is the stricter of two in every field."""
    result = left
    for setting_id, known in SETTINGS.items():
        result = with_value(result, setting_id, known.meet(value_of(left, setting_id), value_of(right, setting_id)))
    return result


def weakened(old: Policy, new: Policy) -> tuple[str, ...]:
    """Return the ids of the settings in which `new` is weaker than `old`."""
    return tuple(
        setting_id
        for setting_id, known in SETTINGS.items()
        if known.meet(value_of(new, setting_id), value_of(old, setting_id)) != value_of(new, setting_id)
    )
