"""Lines of the tables: what is not written in a line follows from it."""

import pytest

from privet.check.facts import Space
from privet.check.rule import Severity
from privet.check.rules.row import CONTENT, SAFE, TELEMETRY, WEAKER, Line, argument, env, flag, key, read_by
from privet.check.values import (
    above,
    any_of,
    better,
    filled,
    longer,
    only,
    open_address,
    open_host,
    present,
    remote,
    true,
)


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        (env("a", "A_B", only("1"), TELEMETRY, WEAKER, "1", "why"), "set A_B=1"),
        (env("a", "A_B", filled(), TELEMETRY, SAFE, "", "why"), "leave A_B out"),
        (flag("a", "--a-b", any_of("x"), TELEMETRY, SAFE, "y", "why"), "pass --a-b y"),
        (flag("a", "--a", present(), TELEMETRY, SAFE, "--no-a", "why"), "pass --no-a"),
        (key("a", "*.a.b", true(), TELEMETRY, SAFE, "false", "why", hit="true"), "set a.b to false"),
        (argument("a", "torch.load(a)", true(), TELEMETRY, SAFE, "False", "why"), "write a=False"),
        (argument("a", "torch.load(a)", true(), TELEMETRY, SAFE, "none", "why"), 'write a="none"'),
        (argument("a", "litellm.a(=)", true(), TELEMETRY, SAFE, "False", "why", hit="True"), "write litellm.a = False"),
        (argument("a", "torch.load()", present(), TELEMETRY, SAFE, "", "why"), "leave torch.load out"),
    ],
)
def test_a_remedy_follows_from_the_line(line: Line, remedy: str) -> None:
    assert read_by("vllm", "documentation page", line)[0].remedy == remedy


def test_only_a_word_of_the_program_may_be_written_unasked() -> None:
    telemetry, host, key_, said = read_by(
        "vllm",
        "documentation page",
        env("a", "A_B", only("1"), TELEMETRY, WEAKER, "1", "why"),
        env("b", "B_C", open_host(), TELEMETRY, WEAKER, "127.0.0.1", "why"),
        env("c", "C_D", filled(), CONTENT, SAFE, "", "why"),
        env("d", "D_E", open_host(), TELEMETRY, SAFE, "localhost", "why", fix=True),
    )
    assert telemetry.one_spelling
    assert not host.one_spelling
    assert not key_.one_spelling
    assert said.one_spelling


def test_a_stake_can_be_a_note_only() -> None:
    assert CONTENT.noted.group is CONTENT.group
    assert CONTENT.noted.severity is Severity.NOTE


def test_the_examples_differ_in_the_one_setting() -> None:
    for line in (
        env("a", "A_B", only("1"), TELEMETRY, WEAKER, "1", "why"),
        flag("b", "--b", remote(), TELEMETRY, SAFE, "", "why"),
        argument("c", "wandb.init(mode)", any_of("online"), TELEMETRY, SAFE, "offline", "why"),
        key("d", "*.a.b", above(3), TELEMETRY, SAFE, "3", "why"),
    ):
        rule = read_by("vllm", "documentation page", line)[0]
        hit, miss = rule.hit.text.splitlines(), rule.miss.text.splitlines()
        assert rule.hit.path == rule.miss.path
        assert len(set(hit) ^ set(miss)) <= 2
        assert hit != miss
        assert rule.space in Space


@pytest.mark.parametrize(("before", "after"), [("7d", "30d"), ("12h", "2d"), ("30", "60"), ("4w", "-1"), ("1m", "1h")])
def test_a_longer_time_is_weaker(before: str, after: str) -> None:
    assert longer().rank((before,)) < longer().rank((after,))


def test_only_a_time_without_end_is_unsafe_by_itself() -> None:
    assert longer().unsafe(("-1",))
    assert not longer().unsafe(("999d",))


def test_what_was_preferred_and_is_not_any_more_is_weaker() -> None:
    preferred = better("memory")
    assert preferred.rank(("Memory",)) < preferred.rank(("",))
    assert not preferred.unsafe(("",))
    assert better().rank(("scrub_event",)) < better().rank(("None",))
    assert better().rank(("a", "")) == 1.0


@pytest.mark.parametrize("name", ["settings.HOST", "config.base_url", "endpoint_of()", "app.endpoint", "HOST"])
def test_a_name_in_code_is_no_address(name: str) -> None:
    assert not open_host().unsafe((name,))
    assert not remote().unsafe((name,))


@pytest.mark.parametrize("host", [":11434", "0.0.0.0:11434", "[::]:11434", "192.0.2.7", "http://0.0.0.0:11434", "*"])
def test_an_address_is_listened_on(host: str) -> None:
    assert open_address().unsafe((host,))


@pytest.mark.parametrize(
    "host", ["ollama:11434", "gpu-box", "http://ollama:11434", "127.0.0.1", "localhost:11434", "", "[::1]"]
)
def test_a_name_in_what_clients_read_too_is_called(host: str) -> None:
    assert not open_address().unsafe((host,))


@pytest.mark.parametrize("host", ["collector.example.com:4317", "https://collector.example.com", "api.example.com"])
def test_a_host_outside_is_one_still(host: str) -> None:
    assert remote().unsafe((host,))
