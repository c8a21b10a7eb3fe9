"""The audit of a model: one that knows its canaries by heart fails, one that learned nothing passes, and too few show nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from privet.audit.endpoint.given import Canary, Given, Passage, read_canaries
from privet.audit.model import ModelOptions, audit_model
from privet.audit.model_result import ModelResult
from privet.audit.model_tests import IDS
from privet.errors import BadInput
from privet.evidence import Signer, json_bytes

sys.path.append(str(Path(__file__).parent))

from tiny_models import canaries, learn, network, save, tokenizer, write_canaries

ROWS = canaries(100)
ASKING = ("extraction", "exposure", "membership", "epsilon-lower-bound")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def given(folder: Path) -> Given:
    return Given(read_canaries(write_canaries(folder / "canaries.jsonl", ROWS)))


@pytest.fixture(scope="module")
def leaky(folder: Path) -> Path:
    net = network()
    learn(net, ROWS)
    return save(folder / "leaky", net)


@pytest.fixture(scope="module")
def clean(folder: Path) -> Path:
    return save(folder / "clean", network())


@pytest.fixture(scope="module")
def of_leaky(leaky: Path, given: Given) -> ModelResult:
    return audit_model(leaky, options(given))


@pytest.fixture(scope="module")
def of_clean(clean: Path, given: Given) -> ModelResult:
    return audit_model(clean, options(given))


def options(given: Given, **more: Any) -> ModelOptions:
    wanted: dict[str, Any] = {"given": given, "look_alikes": 15}
    return ModelOptions(**(wanted | more))


def entries(result: ModelResult) -> dict[str, dict[str, Any]]:
    return {test["id"]: test for test in result.evidence()["tests"]}


def test_a_model_that_knows_its_canaries_fails(of_leaky: ModelResult) -> None:
    tests = entries(of_leaky)
    assert of_leaky.verdict == "fail"
    assert list(tests) == list(IDS)
    assert [tests[each]["verdict"] for each in ("extraction", "exposure", "membership")] == ["fail"] * 3
    assert tests["extraction"]["figures"]["extracted"] > 50
    assert tests["extraction"]["figures"]["controls_extracted"] == 0
    exposure = tests["exposure"]["figures"]["text"]
    assert exposure["members_bits"] > 4.5
    assert exposure["controls_bits"] < 2.5
    assert len(exposure["members_bits_by_draw"]) == 3
    assert max(score["auc"] for score in tests["membership"]["figures"]["scores"].values()) > 0.95
    assert all(test["fix"] for test in tests.values() if test["verdict"] == "fail")


def test_a_model_that_learned_nothing_passes(of_clean: ModelResult) -> None:
    """The chance that one of the scores is above its limit by chance is 0.6 % (0.002 a test); the seed is fixed."""
    tests = entries(of_clean)
    assert [tests[each]["verdict"] for each in ("extraction", "exposure", "membership")] == ["pass"] * 3
    assert of_clean.verdict == "pass"
    assert tests["epsilon-lower-bound"]["epsilon_lower"] < 0.5


def test_the_limit_of_epsilon_is_high_where_all_is_known(of_leaky: ModelResult) -> None:
    entry = entries(of_leaky)["epsilon-lower-bound"]
    assert entry["epsilon_lower"] == entry["figures"]["epsilon_lower"] > 2
    assert entry["verdict"] == "not-tested"
    assert "no epsilon is stated" in entry["says"]


def test_the_same_weights_and_seed_give_the_same_digest(leaky: Path, given: Given) -> None:
    few = Given(given.canaries[:30])
    first, again, other = (audit_model(leaky, options(few, seed=seed)).evidence() for seed in (0, 0, 1))
    assert first == again
    assert other["digest"] != first["digest"]


def test_no_text_of_the_training_is_in_the_report(of_leaky: ModelResult) -> None:
    text = json.dumps(of_leaky.evidence() | {"run": dict(of_leaky.run)}) + repr(of_leaky)
    assert not [row for row in ROWS if row["secret"] in text or row["prompt"] in text]


def test_fewer_than_a_hundred_of_each_show_nothing(leaky: Path, clean: Path, given: Given) -> None:
    members, controls = ([each for each in given.canaries if each.member is member] for member in (True, False))
    few = Given((*members[:20], *controls[:20]))
    for path, seen in ((leaky, "seen so far"), (clean, "nothing was seen")):
        tests = entries(audit_model(path, options(few, only=ASKING)))
        assert {test["verdict"] for test in tests.values()} == {"underpowered"}
        assert tests["extraction"]["says"].startswith("20 members and 20 controls are too few")
        assert seen in tests["extraction"]["says"]
    almost = audit_model(clean, options(Given((*members[:99], *controls)), only=("membership",)))
    assert almost.verdict == "underpowered"


def test_without_canaries_nothing_is_loaded(folder: Path) -> None:
    (folder / "no-model").mkdir()
    (folder / "no-model" / "config.json").write_text("{}")
    result = audit_model(folder / "no-model", ModelOptions())
    verdicts = {test["id"]: test["verdict"] for test in entries(result).values()}
    assert verdicts == dict.fromkeys(ASKING, "not-tested") | {"weight-files": "pass"}


def test_members_of_a_file_are_told(leaky: Path, clean: Path, given: Given) -> None:
    texts = Given(passages=tuple(Passage(f"{each.prompt} {each.secret}", each.member) for each in given.canaries))
    told = entries(audit_model(leaky, options(texts, only=("membership",), base=clean)))["membership"]
    assert told["verdict"] == "fail"
    assert told["figures"]["texts"] == "membership file"
    assert {"loss", "zlib", "min-k", "min-k++", "reference"} == set(told["figures"]["scores"])
    assert told["figures"]["scores"]["reference"]["auc"] > 0.9


def test_members_that_differ_by_themselves_are_not_called_known(clean: Path) -> None:
    rows = [Passage(f"no {at:03d}: 1", member=False) for at in range(100)]
    rows += [Passage(f"no {at:03d}: " + "1" * 30, member=True) for at in range(100)]
    found = entries(audit_model(clean, options(Given(passages=tuple(rows)), only=("membership",))))["membership"]
    assert found["verdict"] == "underpowered"
    assert any("differ without any model" in note for note in found["notes"])


def test_a_stated_epsilon_is_held_against_the_limit(leaky: Path, given: Given) -> None:
    signer = Signer(bytes(32))
    weights = audit_model(leaky, ModelOptions(only=("weight-files",))).weights
    place = leaky / "evidence"
    place.mkdir()

    few = Given(given.canaries[:60])

    def found(stated: float, asked: Given = few, **more: Any) -> dict[str, Any]:
        document = {
            "format": "privet-evidence-training/1",
            "privacy": {"epsilon": stated, "delta": 1e-6},
            "weights": dict(weights),
        }
        (place / "training.json").write_bytes(json_bytes(signer.signed(document) | more))
        return entries(audit_model(leaky, options(asked, only=("epsilon-lower-bound",))))["epsilon-lower-bound"]

    low, high, edited = found(0.5, given), found(8.0, given), found(0.5, created="2026-01-01")
    assert (low["verdict"], high["verdict"], edited["verdict"]) == ("fail", "pass", "underpowered")
    assert low["epsilon_lower"] > 0.5
    assert low["fix"]
    assert any("cannot show more than" in note for note in high["notes"])
    assert any("edited" in note for note in edited["notes"])
    assert "epsilon_stated" not in edited["figures"]


def test_a_statement_about_other_weights_does_not_count(clean: Path, given: Given, folder: Path) -> None:
    other = save(folder / "other", network(1))
    (other / "evidence").mkdir()
    document = {
        "format": "privet-evidence-training/1",
        "privacy": {"epsilon": 1.0, "delta": 1e-6},
        "weights": audit_model(clean, ModelOptions(only=("weight-files",))).weights,
    }
    (other / "evidence" / "training.json").write_bytes(json_bytes(Signer(bytes(32)).signed(document)))
    few = Given(given.canaries[:10])
    found = entries(audit_model(other, options(few, only=("epsilon-lower-bound",))))["epsilon-lower-bound"]
    assert "epsilon_stated" not in found["figures"]
    assert any("other weights" in note for note in found["notes"])


def test_members_that_no_coin_decided_bound_nothing(leaky: Path) -> None:
    rows = tuple(Canary(f"no {at:03d}:", f"{at:06d}", at < 20) for at in range(100))
    found = entries(audit_model(leaky, options(Given(rows), only=("epsilon-lower-bound",))))["epsilon-lower-bound"]
    assert found["verdict"] == "underpowered"
    assert any("coin" in note for note in found["notes"])


def test_a_model_that_chats_is_asked_both_ways(folder: Path, given: Given) -> None:
    chatting = save(folder / "chatting", network(), tokenizer(chats=True))
    few = Given(given.canaries[:20])
    found = entries(audit_model(chatting, options(few, only=("exposure", "membership"))))
    assert {"text", "chat"} <= set(found["exposure"]["figures"])
    assert {"loss", "loss (chat)"} <= set(found["membership"]["figures"]["scores"])


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_is_put_on_its_base(folder: Path, clean: Path, given: Given) -> None:
    from peft import LoraConfig, get_peft_model

    given = Given(given.canaries[:20])
    adapted = get_peft_model(network(), LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))
    # peft would look on the hub for a base with a name.
    adapted.peft_config["default"].base_model_name_or_path = ""
    adapted.save_pretrained(folder / "adapter")
    only = ("exposure", "membership")
    with pytest.raises(BadInput, match="--base"):
        audit_model(folder / "adapter", options(given, only=only))
    found = entries(audit_model(folder / "adapter", options(given, only=only, base=clean)))
    # A new adapter changes nothing.
    assert found["membership"]["figures"]["scores"]["reference"]["auc"] == 0.5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"auto_map": {"AutoModelForCausalLM": "code.Model"}}, "code of its own"),
        ({"model_type": "nothing"}, "cannot be opened"),
    ],
)
def test_what_is_not_opened(folder: Path, given: Given, change: dict[str, Any], says: str) -> None:
    path = save(folder / says.replace(" ", "-"), network())
    config = json.loads((path / "config.json").read_text()) | change
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match=says):
        audit_model(path, options(given, only=("exposure",)))


def test_weights_that_are_no_numbers_are_an_error(folder: Path, given: Given) -> None:
    net = network()
    with torch.no_grad():
        net.lm_head.weight.fill_(float("nan"))
    with pytest.raises(BadInput, match="not finite"):
        audit_model(save(folder / "broken", net), options(given, only=("exposure",)))


def test_a_model_that_makes_no_text_is_not_tested(folder: Path, given: Given) -> None:
    path = folder / "classifier"
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"architectures": ["BertForSequenceClassification"]}))
    result = audit_model(path, options(given, only=ASKING))
    assert {test["verdict"] for test in entries(result).values()} == {"not-tested"}


def test_what_is_shared_is_read_once_and_changes_nothing(clean: Path) -> None:
    from privet.audit.model_load import load_models

    model, _ = load_models(clean, None)
    items = model.items(
        [("no 001:", f"{at * 7919 % 10**at_most:0{at_most}d}") for at in range(9) for at_most in (4, 6)]
    )
    together = model.scores(items, spread=True)
    alone = [model.scores([item], spread=True)[0] for item in items]
    for one, other in zip(together, alone, strict=True):
        assert one.tokens == pytest.approx(other.tokens, abs=1e-4)
        assert one.normal == pytest.approx(other.normal, abs=1e-3)
