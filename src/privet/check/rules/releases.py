"""Rules for what leaves a project as a release, an artifact or a copy: who can get it, and what was taken out of it before.

What a reader finds by more than a name and a value: `code:upload-visibility` ("private" or "public") of a command that uploads,
`gitlab.artifacts.visibility`, `otel.redaction` (how many processors of each pipeline of a signal take something out), and settings of DVC's
remotes as `remote[].<key>`.

Invariant: a row gives the exact words that the release or page named as its source honours.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.python import file_of
from privet.check.rules.row import (
    CONTENT,
    DOOR,
    GAP,
    KEPT,
    SAFE,
    SENT,
    TELEMETRY,
    UPLOAD,
    WEAKER,
    argument,
    env,
    flag,
    key,
    read_by,
)
from privet.check.values import (
    added,
    any_of,
    better,
    false,
    filled,
    has,
    lowered,
    matches,
    never,
    only_folded,
    present,
    true,
)


def _script(line: str) -> Example:
    return Example("scripts/release.sh", f"#!/bin/sh\n{line}\n")


def _remote(lines: str) -> Example:
    return Example(".dvc/config", f"[core]\n    remote = store\n['remote \"store\"']\n    url = s3://data/dvc\n{lines}")


def _pipeline(artifacts: str) -> Example:
    return Example(
        ".gitlab-ci.yml",
        f"evaluate:\n  script:\n    - make evaluate\n  artifacts:\n{artifacts}    paths:\n      - out/\n",
    )


def _collector(processors: str) -> Example:
    return Example(
        "otel/collector.yaml",
        "receivers:\n  otlp: {protocols: {grpc: {}}}\nprocessors:\n  batch: {}\n  redaction: {allow_all_keys: true}\n"
        "exporters:\n  otlp: {endpoint: collector.internal:4317}\nservice:\n  pipelines:\n    traces:\n"
        f"      receivers: [otlp]\n      processors: [{processors}]\n      exporters: [otlp]\n",
    )


def _vector(given: str) -> Example:
    return Example(
        "vector.yaml",
        "sources:\n  app: {type: file, include: [/var/log/app.log]}\ntransforms:\n  redact:\n    type: remap\n    inputs: [app]\n"
        "    source: |\n      .message = redact(.message, filters: [r'[0-9]+'])\n"
        f"sinks:\n  out: {{type: console, inputs: [{given}]}}\n",
    )


def _operator(name: str) -> str:
    return f'from presidio_anonymizer.entities import OperatorConfig\n\nPERSON = OperatorConfig("{name}")\n'


UPLOADS: Final = (
    *read_by("shell", "documentation huggingface.co/docs/huggingface_hub/guides/cli",
        key("upload-visibility", "code:upload-visibility", better("private"), DOOR, SAFE, "", "what is uploaded can be read by everybody",
            remedy="say that it is private", hit=_script("hf upload example-org/data out . --repo-type dataset"),
            miss=_script("hf upload example-org/data out . --repo-type dataset --private"))),
    *read_by("lm-eval", "source EleutherAI/lm-evaluation-harness: lm_eval/loggers/evaluation_tracker.py",
        flag("lm-eval-push-samples", "--hf_hub_log_args", matches(r"(?i)push_samples_to_hub=true"), UPLOAD, SAFE, "",
            "every prompt and answer of the evaluation is uploaded to the hub",
            hit=_script("lm_eval --model hf --tasks ifeval --hf_hub_log_args push_samples_to_hub=True"),
            miss=_script("lm_eval --model hf --tasks ifeval --hf_hub_log_args push_samples_to_hub=False"),
            remedy="keep samples in output_path"),
        flag("lm-eval-public", "--hf_hub_log_args", matches(r"(?i)public_repo=true"), DOOR, SAFE, "",
            "what the evaluation uploads can be read by everybody",
            hit=_script("lm_eval --model hf --tasks ifeval --hf_hub_log_args public_repo=True"),
            miss=_script("lm_eval --model hf --tasks ifeval --hf_hub_log_args public_repo=False"),
            remedy="write public_repo=False"),
        flag("lm-eval-wandb", "--wandb_args", filled(), UPLOAD, SAFE, "", "results, and samples where they are logged, go to wandb",
            hit=_script("lm_eval --model hf --tasks ifeval --wandb_args project=eval"),
            miss=_script("lm_eval --model hf --tasks ifeval --output_path results")),
        argument("lm-eval-tracker-samples", "lm_eval.loggers.EvaluationTracker(push_samples_to_hub)", true(), UPLOAD, SAFE, "False",
            "every prompt and answer of the evaluation is uploaded to the hub", hit="True"),
        argument("lm-eval-tracker-public", "lm_eval.loggers.EvaluationTracker(public_repo)", true(), DOOR, SAFE, "False",
            "what the evaluation uploads can be read by everybody", hit="True")),
    *read_by("lighteval", "source huggingface/lighteval: src/lighteval/logging/evaluation_tracker.py",
        flag("lighteval-push", "--push-to-hub", present(), UPLOAD, SAFE, "",
            "prompts and answers of the evaluation are uploaded to the hub",
            hit=_script("lighteval vllm model_name=m ifeval --push-to-hub"), miss=_script("lighteval vllm model_name=m ifeval")),
        flag("lighteval-public", "--public-run", present(), DOOR, SAFE, "", "what the evaluation uploads can be read by everybody",
            hit=_script("lighteval vllm model_name=m ifeval --public-run"), miss=_script("lighteval vllm model_name=m ifeval")),
        argument("lighteval-tracker-push", "lighteval.logging.evaluation_tracker.EvaluationTracker(push_to_hub)", true(), UPLOAD, SAFE,
            "False", "prompts and answers of the evaluation are uploaded to the hub", hit="True"),
        argument("lighteval-tracker-public", "lighteval.logging.evaluation_tracker.EvaluationTracker(public)", true(), DOOR, SAFE, "False",
            "what the evaluation uploads can be read by everybody", hit="True")),
    *read_by("gitlab", "documentation docs.gitlab.com/ci/yaml/#artifactsaccess",
        key("gitlab-artifacts-visibility", "gitlab.artifacts.visibility", better("developer", "maintainer", "none"), DOOR, SAFE,
            "developer", "whoever sees the project can download what the job made", remedy="write access: developer",
            hit=_pipeline(""), miss=_pipeline("    access: developer\n"))),
)  # fmt: skip

STORES: Final = (
    *read_by("dvc", "documentation dvc.org/doc/command-reference/remote/modify",
        key("dvc-remote-tls", "remote[].use_ssl", false(), DOOR, SAFE, "true", "data sets cross the network in clear",
            hit=_remote("    use_ssl = false\n"), miss=_remote("    use_ssl = true\n")),
        key("dvc-remote-verify", "remote[].ssl_verify", false(), DOOR, SAFE, "true", "data sets go to whoever answers",
            hit=_remote("    ssl_verify = false\n"), miss=_remote("    ssl_verify = true\n")),
        key("dvc-remote-address", "remote[].endpointurl remote[].url",
            matches(r"^(?:http|ftp|webdav)://(?!localhost|127\.|\[::1\]|[\w-]+(?::\d+)?(?:/|$))"), GAP, SAFE, "",
            "data sets cross the network in clear", remedy="use https",
            hit=_remote("    endpointurl = http://store.example.com:9000\n"),
            miss=_remote("    endpointurl = https://store.example.com:9000\n"))),
    *read_by("dvc", "documentation dvc.org/doc/user-guide/project-structure/configuration",
        key("dvc-analytics", "core.analytics", only_folded("false"), TELEMETRY, SAFE, "false", "DVC sends usage statistics to its makers",
            hit=Example(".dvc/config", "[core]\n    analytics = true\n"), miss=Example(".dvc/config", "[core]\n    analytics = false\n"))),
    *read_by("any", "documentation postgresql.org/docs/current/ddl-rowsecurity.html",
        key("sql-protection-removed", "code:sql-protection-removed", present(), DOOR, WEAKER, "",
            "rows or columns about people are no longer hidden, hashed or left out where groups are small", remedy="keep the statement",
            hit=Example("models/export.sql", "select region, count(*) as n from visits group by 1\n"),
            miss=Example("models/export.sql", "select region, count(*) as n from visits group by 1 having count(*) >= 10\n"))),
    *read_by("any", "documentation postgresql.org/docs/current/sql-altertable.html",
        key("sql-protection-off", "code:sql-protection-off", added(), DOOR, SAFE, "",
            "rows or columns about people are no longer hidden from who may read the table", remedy="keep the policy",
            hit=Example("migrations/007_reports.sql", "ALTER TABLE chats DISABLE ROW LEVEL SECURITY;\n"),
            miss=Example("migrations/007_reports.sql", "ALTER TABLE chats ENABLE ROW LEVEL SECURITY;\n"))),
    *read_by("terraform", "documentation registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/cloudwatch_log_group",
        key("cloudwatch-retention-never", "*.aws_cloudwatch_log_group.retention_in_days", any_of("0"), KEPT, SAFE, "",
            "logs are kept for ever", remedy="write a number of days",
            hit=Example("infra/logs.tf", 'resource "aws_cloudwatch_log_group" "prompts" {\n  retention_in_days = 0\n}\n'),
            miss=Example("infra/logs.tf", 'resource "aws_cloudwatch_log_group" "prompts" {\n  retention_in_days = 14\n}\n'))),
)  # fmt: skip

_GIVES_UP: Final = (
    "--no-redact --no-redaction --skip-redaction --disable-redaction --no-scrub --skip-scrub --no-anonymize --skip-anonymization "
    "--no-mask --keep-pii --allow-pii --include-pii --skip-pii --no-pii-filter --skip-pii-filter --disable-pii-filter --no-pii-check "
    "--skip-pii-check --no-dp --disable-dp --no-encrypt --no-encryption --keep-metadata --keep-exif"
)

OWN_FLAGS: Final = read_by("python", "documentation docs/check.md",
    key("own-protection-flag", "code:own-protection-flag", present(), UPLOAD, WEAKER, "",
        "a script no longer takes out, hides or encrypts what it did", remedy="keep the flag",
        hit=_script("python train.py --fast"), miss=_script("python train.py --redact")),
    flag("own-protection-off-flag", _GIVES_UP, present(), UPLOAD, SAFE, "", "a script no longer takes out, hides or encrypts what it did",
        remedy="leave the flag out", hit=_script("python train.py --no-redact"), miss=_script("python train.py --fast")),
)  # fmt: skip

LOGGERS: Final = (
    *read_by("accelerate", "source huggingface/accelerate: src/accelerate/accelerator.py",
        argument("accelerate-log-with", "accelerate.Accelerator(log_with)",
            has("all", "wandb", "comet_ml", "clearml", "swanlab", "trackio"), UPLOAD, SAFE, "",
            "settings and what is logged go to the trackers' services", hit='"wandb"', miss='"tensorboard"')),
    *read_by("lightning", "source Lightning-AI/pytorch-lightning: src/lightning/pytorch/loggers/wandb.py",
        argument("lightning-logger", "lightning.pytorch.loggers.WandbLogger() pytorch_lightning.loggers.WandbLogger() "
            "lightning.pytorch.loggers.CometLogger() pytorch_lightning.loggers.CometLogger() "
            "lightning.pytorch.loggers.NeptuneLogger() pytorch_lightning.loggers.NeptuneLogger()",
            added(), UPLOAD, SAFE, "", "settings and what is logged go to a tracker's service", remedy="log to files: CSVLogger",
            **file_of("from lightning.pytorch.loggers import WandbLogger\n\nlogger = WandbLogger(offline=True)\n",
            'from lightning.pytorch.loggers import CSVLogger\n\nlogger = CSVLogger("logs")\n'))),
    *read_by("unsloth", "source unslothai/unsloth: unsloth/save.py",
        argument("unsloth-push", "*.push_to_hub_merged() *.push_to_hub_gguf()", present(), SENT, SAFE, "",
            "weights, which can repeat what they were trained on, are uploaded to the hub", remedy="save them to files",
            **file_of('from models import model, tokenizer\n\nmodel.push_to_hub_merged("example-org/model", tokenizer)\n',
            'from models import model, tokenizer\n\nmodel.save_pretrained_merged("model", tokenizer)\n'))),
)  # fmt: skip

CONTENT_LEFT: Final = (
    *read_by("presidio", "source microsoft/presidio: presidio-anonymizer/presidio_anonymizer/operators/keep.py",
        argument("presidio-keep", "*.OperatorConfig(0) *.OperatorConfig(operator_name)", any_of("keep"), UPLOAD, SAFE,
            "replace", "what was found of people stays in the text as it is",
            **file_of(_operator("keep"), _operator("replace")))),
    *read_by("llama.cpp", "source ggml-org/llama.cpp: tools/server/server-context.cpp",
        env("llama-cpp-slots-debug", "LLAMA_SERVER_SLOTS_DEBUG", matches(r"^\s*\+?0*[1-9]"), CONTENT, SAFE, "0",
            "whoever reaches the port reads the prompts and answers of others", hit="1")),
    *read_by("otel-collector", "documentation opentelemetry.io/docs/collector/configuration",
        key("otel-redaction", "otel.redaction", lowered(), CONTENT, SAFE, "",
            "a pipeline sends spans or logs on without the processor that takes content out",
            remedy="put the processor into every pipeline of the signal", hit=_collector("batch"), miss=_collector("redaction, batch"))),
    *read_by("any", "documentation vector.dev/docs/reference/configuration/transforms/remap",
        key("log-redaction", "code:log-redaction", lowered(), CONTENT, SAFE, "",
            "logs go on without a step that took something out of them", remedy="keep the step on the way of every log",
            hit=_vector("app"), miss=_vector("redact"))),
    *read_by("openai", "documentation platform.openai.com/docs/api-reference/responses/create",
        argument("openai-responses-store", "*.responses.create(store) *.responses.parse(store) *.responses.stream(store)", never(),
            CONTENT, WEAKER, "False", "answers, with what was asked, are kept at the provider unless store is False")),
    *read_by("any", "documentation docs/check.md",
        key("config-address-plain", "code:config-address-plain", present(), GAP, WEAKER, "",
            "what is sent there travels without encryption",
            remedy="keep https", hit=Example("config/app.yaml", "name: example\nendpoint: http://store.example.com\n"),
            miss=Example("config/app.yaml", "name: example\nendpoint: https://store.example.com\n"))),
)  # fmt: skip

RELEASES: Final = (*UPLOADS, *STORES, *OWN_FLAGS, *LOGGERS, *CONTENT_LEFT)
