from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from privet.check.facts import Space
from privet.check.scan import scan_texts
from privet.check.terraform import read

TEXT = """\
# a service
resource "kubernetes_deployment" "llm" {
  spec {
    container {
      image = "vllm/vllm-openai:v0.11.0"
      env {
        name  = "VLLM_NO_USAGE_STATS"
        value = "true"
      }
      args = ["--host", var.host]
    }
  }
}
resource "aws_lambda_function" "f" {
  environment {
    variables = {
      LANGSMITH_TRACING = "true", OTHER = "${var.x}"
    }
  }
  policy = <<EOT
not = "an attribute"
EOT
}
"""


def test_attributes_have_paths_and_places() -> None:
    (unit,) = read("main.tf", TEXT, lambda _: None).units
    assert unit.components == {"vllm"}
    found = {fact.name: fact for fact in unit.facts if fact.space is Space.KEY}
    image = found["resource.spec.container.image"]
    assert TEXT[image.start : image.end] == '"vllm/vllm-openai:v0.11.0"'
    assert found["resource.environment.variables.OTHER"].value is None
    assert not any(name.endswith(".not") for name in found)


def test_variables_of_containers_and_functions_are_judged() -> None:
    assert {weakness.setting for weakness in scan_texts({"main.tf": TEXT})} == {
        "VLLM_NO_USAGE_STATS",
        "LANGSMITH_TRACING",
    }


def test_what_stands_before_a_break_counts() -> None:
    reading = read("main.tf", 'a = "b"\nc {\n', lambda _: None)
    assert [fact.name for fact in reading.units[0].facts] == ["a"]
    assert reading.notes[0].line == 3


@given(st.text(st.sampled_from('abEOT<"={}[]()\n #/*,.1')))
def test_any_text_is_read(text: str) -> None:
    for unit in read("a.tf", text, lambda _: None).units:
        assert all(0 <= fact.start < fact.end <= len(text) for fact in unit.facts)
