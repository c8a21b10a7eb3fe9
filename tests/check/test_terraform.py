from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.facts import Space
from privet.check.scan import compare, scan_texts, tree_of
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
    deployment, function = read("main.tf", TEXT, lambda _: None).units
    assert (deployment.name, function.name) == ("kubernetes_deployment.llm", "aws_lambda_function.f")
    assert deployment.components == {"vllm"}
    found = {fact.name: fact for unit in (deployment, function) for fact in unit.facts if fact.space is Space.KEY}
    image = found["resource.kubernetes_deployment.spec.container.image"]
    assert TEXT[image.start : image.end] == '"vllm/vllm-openai:v0.11.0"'
    assert found["resource.aws_lambda_function.environment.variables.OTHER"].value is None
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


TWO = """\
resource "aws_db_instance" "open" {
  publicly_accessible = true
}
resource "aws_db_instance" "closed" {
  publicly_accessible = false
  storage_encrypted   = true
  kms_key_id          = aws_kms_key.model.arn
}
resource "aws_s3_bucket" "prompts" {
  bucket = "prompts"
}
resource "aws_s3_bucket_public_access_block" "prompts" {
  bucket            = aws_s3_bucket.prompts.id
  block_public_acls = true
}
resource "aws_security_group" "model" {
  egress {
    cidr_blocks = ["10.0.0.0/8"]
  }
}
"""


def _weaker(after: str) -> set[str]:
    return {finding.rule for finding in compare(tree_of({"main.tf": TWO}), tree_of({"main.tf": after})).findings}


def _without(*kinds: str) -> str:
    blocks = TWO.split("resource")[1:]
    return "".join("resource" + block for block in blocks if all(f'"{kind}"' not in block for kind in kinds))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (TWO.replace("= false", "= true"), {"terraform-public-access"}),
        (TWO.replace("  storage_encrypted   = true\n", ""), {"terraform-encryption"}),
        (TWO.replace("  kms_key_id          = aws_kms_key.model.arn\n", ""), {"terraform-kms-key"}),
        (TWO.replace('"10.0.0.0/8"', '"0.0.0.0/0"'), {"terraform-egress"}),
        (_without("aws_s3_bucket_public_access_block"), {"terraform-protection-removed"}),
        (_without("aws_s3_bucket", "aws_s3_bucket_public_access_block"), set()),
        (TWO.replace('"closed"', '"main"'), set()),
        (TWO.replace("= true\n  kms", "= var.encrypted\n  kms"), set()),
        ("".join(sorted("resource" + block for block in TWO.split("resource")[1:])), set()),
    ],
)
def test_each_resource_is_compared_by_itself(after: str, expected: set[str]) -> None:
    assert _weaker(after) == expected


def test_a_variable_with_a_default_is_what_it_is_unless_somebody_says_otherwise() -> None:
    text = 'variable "open" {\n  default = true\n}\nresource "aws_db_instance" "a" {\n  publicly_accessible = var.open\n}\n'
    (found,) = scan_texts({"main.tf": text})
    assert (found.rule.id, text[found.start : found.end]) == ("terraform-public-access", "var.open")


def test_attributes_of_objects_in_lists_have_their_names() -> None:
    text = 'a = [{ name = "VLLM_NO_USAGE_STATS", value = "0" }]\n'
    (unit,) = read("main.tf", text, lambda _: None).units
    assert [fact.value for fact in unit.facts if fact.space is Space.ENV] == ["0"]
