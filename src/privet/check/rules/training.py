"""Rules for hubs and training: huggingface_hub, datasets, transformers, TRL, Axolotl, LLaMA-Factory, Unsloth, Lightning, Ultralytics.

Invariants: a row gives the exact words that the release named as its source honours; what a keyword of `TrainingArguments` does, it
does in the classes that inherit it, and in the YAML files that fill them.
"""

from __future__ import annotations

from typing import Final

from privet.check.rule import Example
from privet.check.rules.row import (
    CONTENT,
    DOOR,
    FETCH,
    FOREIGN,
    SAFE,
    SENT,
    TELEMETRY,
    UNSAFE,
    UPLOAD,
    WEAKER,
    YES,
    argument,
    env,
    flag,
    key,
    read_by,
)  # fmt: skip
from privet.check.values import (
    above,
    any_of,
    empty,
    false,
    filled,
    has,
    matches,
    only,
    only_folded,
    open_host,
    present,
    remote,
    true,
)  # fmt: skip

_TRACKERS: Final = (
    "all", "wandb", "comet_ml", "comet", "neptune", "clearml", "swanlab", "azure_ml", "dagshub", "trackio"
)  # fmt: skip
"""What `report_to` may name that sends elsewhere by default; tensorboard, mlflow and the like write to a local folder."""


def _api(host: str) -> Example:
    return Example("scripts/api.sh", f"#!/bin/sh\nexport API_HOST={host}\nexec llamafactory-cli api inference.yaml\n")


def _arguments(keyword: str) -> str:
    """Return a keyword of `TrainingArguments` and of the classes that inherit it."""
    trl = "SFT DPO GRPO RLOO KTO ORPO CPO PPO Reward PRM GKD BCO OnlineDPO XPO NashMD AlignProp"
    names = [f"transformers.TrainingArguments({keyword})", f"transformers.Seq2SeqTrainingArguments({keyword})"]
    names += [f"trl.{name}Config({keyword})" for name in trl.split()]
    names += [
        f"sentence_transformers.SentenceTransformerTrainingArguments({keyword})",
        f"unsloth.UnslothTrainingArguments({keyword})",
    ]
    return " ".join(names)


HUBS: Final = (
    *read_by("huggingface_hub", "python package huggingface_hub 2.4.0: huggingface_hub/constants.py",
        env("hf-hub-disable-telemetry", "HF_HUB_DISABLE_TELEMETRY DISABLE_TELEMETRY", YES, TELEMETRY, WEAKER, "1",
            "usage statistics go to the hub, and every call says more of the machine", hit="0"),
        env("hf-hub-offline", "HF_HUB_OFFLINE TRANSFORMERS_OFFLINE", YES, FETCH, WEAKER, "1", "every from_pretrained asks the hub",
            hit="0"),
        env("hf-hub-implicit-token", "HF_HUB_DISABLE_IMPLICIT_TOKEN", YES, FETCH, WEAKER, "1",
            "the token goes with every call to the hub, also for public files", hit="0"),
        env("hf-hub-update-check", "HF_HUB_DISABLE_UPDATE_CHECK", YES, FETCH.noted, WEAKER, "1", "the library asks for news of versions",
            hit="0"),
        env("hf-debug", "HF_DEBUG", true(), CONTENT, SAFE, "0", "every request is logged as a command that sends it again", hit="1"),
        env("hf-endpoint", "HF_ENDPOINT",
            matches(r"^(?!https://huggingface\.co/?$)https?://(?!localhost|127\.|[a-z0-9-]+(?::\d+)?/?$|[^/]*\.(?:internal|local|svc))"),
            SENT, SAFE, "", "models, data and the token go through another host", hit="https://hub.example.com",
            miss="https://huggingface.co")),
    *read_by("huggingface_hub", "python package huggingface_hub 2.4.0: huggingface_hub/hf_api.py",
        argument("hf-create-repo-private", "huggingface_hub.create_repo(private) api.create_repo(private) hf_api.create_repo(private)",
            false(), DOOR, WEAKER, "True",
            "the repository is public", hit="False"),
        argument("hf-upload", "*.upload_folder() *.upload_large_folder() huggingface_hub.upload_file() *.HfApi.upload_file()", present(),
            SENT, SAFE, "",
            "files are uploaded to the hub", remedy="upload by hand after a review, or take the call out"),
        argument("hf-push-to-hub", "*.push_to_hub()", present(), SENT, SAFE, "", "a model or a data set is uploaded to the hub",
            remedy="upload by hand after a review, or take the call out"),
        argument("hf-push-private", "*.push_to_hub(private)", false(), DOOR, WEAKER, "True", "what is uploaded is public", hit="False"),
        flag("hf-cli-upload", "upload upload-large-folder", present(), SENT, SAFE, "", "files are uploaded to the hub",
            remedy="upload by hand after a review",
            hit=Example("scripts/publish.sh", "#!/bin/sh\nhf upload example-org/model out\n"),
            miss=Example("scripts/publish.sh", "#!/bin/sh\nhf download example-org/model\n"))),
    *read_by("huggingface_hub", "python package huggingface_hub 2.4.0: huggingface_hub/inference/_client.py",
        argument("hf-inference-client", "huggingface_hub.InferenceClient(base_url) huggingface_hub.AsyncInferenceClient(base_url) "
            "huggingface_hub.InferenceClient(model) huggingface_hub.AsyncInferenceClient(model) "
            "huggingface_hub.InferenceClient(0) huggingface_hub.AsyncInferenceClient(0)",
            remote(), SENT.noted, UNSAFE, "", "prompts go to a service unless base_url names a server of one's own",
            remedy="give base_url a server of your own"),
        argument("hf-inference-provider", "huggingface_hub.InferenceClient(provider) huggingface_hub.AsyncInferenceClient(provider)",
            filled(), SENT, SAFE, "",
            "prompts go to this provider", hit='"auto"')),
    *read_by("datasets", "python package datasets 5.2.0: datasets/config.py",
        env("hf-datasets-offline", "HF_DATASETS_OFFLINE", YES, FETCH, WEAKER, "1", "every load_dataset asks the hub", hit="0"),
        env("hf-download-counts", "HF_UPDATE_DOWNLOAD_COUNTS", any_of("1", "true", "yes", "on", "auto"), TELEMETRY,
            WEAKER, "0", "the hub is told which data sets are used", hit="1")),
    *read_by("datasets", "python package datasets 5.2.0: datasets/arrow_dataset.py",
        argument("datasets-trust-remote-code", "datasets.load_dataset(trust_remote_code)", true(), FOREIGN, SAFE, "False",
            "Python files of the data set run here", hit="True",
            since="ignored since datasets 4")),
    *read_by("evaluate", "python package evaluate 0.4.6: evaluate/config.py",
        env("hf-evaluate-offline", "HF_EVALUATE_OFFLINE", YES, FETCH, WEAKER, "1", "every evaluate.load asks the hub", hit="0")),
)  # fmt: skip

TRANSFORMERS: Final = (
    *read_by("transformers", "python package transformers 5.23.0: transformers/training_args.py",
        argument("transformers-report-to", _arguments("report_to"), has(*_TRACKERS), UPLOAD, WEAKER, "none",
            "settings, metrics and samples go to the trackers' services", hit='"wandb"', fix=True,
            since='"none" since transformers 5, "all" before'),
        key("transformers-report-to-config", "*.report_to *.report_to[]", has(*_TRACKERS), UPLOAD, WEAKER, "none",
            "settings, metrics and samples go to the trackers' services", hit="wandb", since='"none" since transformers 5, "all" before'),
        flag("transformers-report-to-flag", "--report_to", has(*_TRACKERS), UPLOAD, WEAKER, "none",
            "settings, metrics and samples go to the trackers' services", hit="wandb"),
        argument("transformers-push-to-hub", _arguments("push_to_hub"), true(), UPLOAD, SAFE, "False",
            "weights, which can repeat what they were trained on, are uploaded during training", hit="True", fix=True),
        key("transformers-push-to-hub-config", "*.push_to_hub", true(), UPLOAD, SAFE, "false",
            "weights, which can repeat what they were trained on, are uploaded during training", hit="true"),
        flag("transformers-push-to-hub-flag", "--push_to_hub", any_of("present", "true", "1"), UPLOAD, SAFE, "",
            "weights, which can repeat what they were trained on, are uploaded during training"),
        argument("transformers-hub-private-repo", _arguments("hub_private_repo"), false(), DOOR, WEAKER, "True",
            "what is uploaded is public", hit="False"),
        key("transformers-hub-private-repo-config", "*.hub_private_repo", false(), DOOR, WEAKER, "true", "what is uploaded is public",
            hit="false"),
        argument("transformers-include-for-metrics", _arguments("include_for_metrics"), has("inputs"), CONTENT, SAFE, "[]",
            "raw inputs go to the code that computes metrics, and from there to trackers", hit='["inputs"]', miss='["loss"]'),
        argument("transformers-include-inputs-for-metrics", _arguments("include_inputs_for_metrics"), true(), CONTENT, SAFE, "False",
            "raw inputs go to the code that computes metrics, and from there to trackers", hit="True",
            since="include_for_metrics since transformers 4.46")),
    *read_by("transformers", "python package transformers 5.23.0: transformers/dynamic_module_utils.py",
        argument("transformers-trust-remote-code", "*.from_pretrained(trust_remote_code) transformers.pipeline(trust_remote_code) "
            "*.from_config(trust_remote_code) sentence_transformers.SentenceTransformer(trust_remote_code) vllm.LLM(trust_remote_code) "
            "vllm.EngineArgs(trust_remote_code) *.AsyncEngineArgs(trust_remote_code)",
            true(), FOREIGN, SAFE, "False", "Python files from the hub run here when the model loads", hit="True"),
        key("transformers-trust-remote-code-config", "*.trust_remote_code *.trustRemoteCode *.trust-remote-code", true(), FOREIGN, SAFE,
            "false",
            "Python files from the hub run here when the model loads", hit="true"),
        flag("transformers-trust-remote-code-flag", "--trust_remote_code", any_of("present", "true", "1"), FOREIGN, SAFE, "",
            "Python files from the hub run here when the model loads")),
    *read_by("transformers", "python package transformers 5.23.0: transformers/modeling_utils.py",
        argument("transformers-use-safetensors", "*.from_pretrained(use_safetensors)", false(), FOREIGN, WEAKER, "True",
            "weights are read as pickles, which run code", hit="False")),
    *read_by("transformers", "python package transformers 5.23.0: transformers/integrations/integration_utils.py",
        env("wandb-log-model", "WANDB_LOG_MODEL", any_of("true", "checkpoint", "end"), UPLOAD, SAFE, "false",
            "weights, which can repeat what they were trained on, are uploaded", hit="checkpoint"),
        key("wandb-log-model-config", "*.wandb_log_model", any_of("true", "checkpoint", "end"), UPLOAD, SAFE, "false",
            "weights, which can repeat what they were trained on, are uploaded", hit="checkpoint")),
)  # fmt: skip

TRAINERS: Final = (
    *read_by("trl", "python package trl 1.16.0: trl/trainer/grpo_config.py",
        argument("trl-log-completions",
            "trl.GRPOConfig(log_completions) trl.RLOOConfig(log_completions) trl.DistillationConfig(log_completions) "
            "*.GOLDConfig(log_completions)", true(), CONTENT, SAFE, "False", "prompts and completions go to the tracker", hit="True",
            fix=True),
        key("trl-log-completions-config", "*.log_completions", true(), CONTENT, SAFE, "false",
            "prompts and completions go to the tracker", hit="true"),
        argument("trl-completions-hub-repo", "trl.GRPOConfig(log_completions_hub_repo) trl.RLOOConfig(log_completions_hub_repo)",
            filled(), CONTENT, SAFE,
            "None", "prompts and completions are uploaded to the hub", hit='"example-org/completions"'),
        key("trl-completions-hub-repo-config", "*.log_completions_hub_repo", filled(), CONTENT, SAFE, "",
            "prompts and completions are uploaded to the hub", hit="example-org/completions", miss="null"),
        flag("trl-log-completions-flag", "--log_completions", any_of("present", "true", "1"), CONTENT, SAFE, "",
            "prompts and completions go to the tracker")),
    *read_by("trl", "python package trl 1.16.0: trl/trainer/callbacks.py",
        argument("trl-completions-callback", "trl.LogCompletionsCallback() trl.WinRateCallback() trl.WeaveCallback()", present(), CONTENT,
            SAFE, "",
            "prompts and completions go to the tracker", remedy="take the callback out")),
    *read_by("axolotl", "python package axolotl 0.19.0: axolotl/telemetry/manager.py",
        env("axolotl-do-not-track", "AXOLOTL_DO_NOT_TRACK", only_folded("1", "true"), TELEMETRY, WEAKER, "1",
            "Axolotl sends usage statistics to its makers", hit="0", since="telemetry since axolotl 0.13")),
    *read_by("axolotl", "python package axolotl 0.19.0: axolotl/utils/schemas/integrations.py",
        key("axolotl-wandb-project", "*.wandb_project", filled(), UPLOAD, SAFE, "", "settings, metrics and samples go to a service",
            hit="example", miss="null"),
        key("axolotl-wandb-mode", "*.wandb_mode", any_of("online"), UPLOAD, WEAKER, "offline",
            "settings, metrics and samples go to a service", hit="online"),
        key("axolotl-use-wandb", "*.use_wandb", true(), UPLOAD, SAFE, "false", "settings, metrics and samples go to a service",
            hit="true"),
        key("axolotl-use-comet", "*.use_comet *.comet_project_name", filled(), UPLOAD, SAFE, "false",
            "settings, metrics and samples go to a service", hit="true"),
        key("axolotl-trackio-space", "*.trackio_space_id", filled(), UPLOAD, SAFE, "",
            "settings, metrics and samples go to a space on the hub", hit="example-org/runs", miss="null"),
        key("axolotl-comet-online", "*.comet_online", true(), UPLOAD, WEAKER, "false", "settings, metrics and samples go to a service",
            hit="true"),
        key("axolotl-mlflow-artifacts", "*.hf_mlflow_log_artifacts", true(), UPLOAD, SAFE, "false", "weights are copied to the tracker",
            hit="true")),
    *read_by("axolotl", "python package axolotl 0.19.0: axolotl/utils/schemas/model.py",
        key("axolotl-save-safetensors", "*.save_safetensors", false(), FOREIGN, SAFE, "true",
            "checkpoints are written as pickles, which run code when they are loaded", hit="false",
            since="refused where transformers 5 is used"),
        key("axolotl-hub-model-id", "*.hub_model_id", filled(), UPLOAD, SAFE, "",
            "weights, which can repeat what they were trained on, are uploaded", hit="example-org/model", miss="null"),
        flag("axolotl-hub-model-id-flag", "--hub_model_id --hub-model-id", filled(), UPLOAD, SAFE, "",
            "weights, which can repeat what they were trained on, are uploaded", hit="example-org/model")),
    *read_by("axolotl", "python package axolotl 0.21.0: axolotl/utils/schemas/deprecated.py",
        key("axolotl-eval-table", "*.eval_table_size", above(0), CONTENT, SAFE, "0", "samples with their predictions go to the tracker",
            hit="5", since="replaced by generate_samples")),
    *read_by("llamafactory", "python package llamafactory 0.9.5: llamafactory/hparams/finetuning_args.py",
        key("llamafactory-swanlab", "*.use_swanlab", true(), UPLOAD, SAFE, "false", "settings, metrics and samples go to a service",
            hit="true")),
    *read_by("llamafactory", "python package llamafactory 0.9.5: llamafactory/api/app.py",
        env("llamafactory-api-host", "API_HOST", open_host(), DOOR, WEAKER, "127.0.0.1", "whoever reaches the port can use the model",
            hit=_api("0.0.0.0"), miss=_api("127.0.0.1")),  # noqa: S104 - what a file says
        env("llamafactory-api-key", "API_KEY", empty(), DOOR, WEAKER, "", "everyone who reaches the port can use the model",
            remedy="set API_KEY from a secret", hit=_api('127.0.0.1\nexport API_KEY=""'), miss=_api("127.0.0.1\nexport API_KEY=$KEY"))),
    *read_by("unsloth", "python package unsloth 2026.10.9: unsloth/models/_utils.py",
        env("unsloth-disable-statistics", "UNSLOTH_DISABLE_STATISTICS", empty(), TELEMETRY, WEAKER, "1",
            "Unsloth counts its uses by fetching files from the hub")),
    *read_by("unsloth", "python package unsloth 2026.10.9: studio/backend/utils/update_status.py",
        env("unsloth-update-check", "UNSLOTH_DISABLE_UPDATE_CHECK", only("1"), FETCH.noted, WEAKER, "1",
            "the studio asks for news of versions", hit="0")),
    *read_by("unsloth", "python package unsloth 2026.10.9: studio/backend/core/inference/llama_cpp.py",
        env("unsloth-studio-offline", "UNSLOTH_STUDIO_OFFLINE", YES, FETCH, WEAKER, "1", "the studio reaches the network", hit="0")),
    *read_by("lightning", "python package pytorch-lightning 2.6.6: pytorch_lightning/loggers/wandb.py",
        argument("lightning-wandb-log-model", "*.WandbLogger(log_model)", any_of("all", "true"), UPLOAD, SAFE, "False",
            "weights, which can repeat what they were trained on, are uploaded", hit='"all"'),
        argument("lightning-wandb-offline", "*.WandbLogger(offline)", false(), UPLOAD, WEAKER, "True",
            "settings and metrics go to a service", hit="False")),
    *read_by("ultralytics", "python package ultralytics 8.4.190: ultralytics/utils/__init__.py",
        key("ultralytics-sync", "sync", true(), TELEMETRY, WEAKER, "false",
            "usage statistics and crash reports go to the makers",
            hit=Example("ultralytics/settings.json", '{"settings_version": "0.0.6", "sync": true}\n'),
            miss=Example("ultralytics/settings.json", '{"settings_version": "0.0.6", "sync": false}\n')),
        env("ultralytics-offline", "YOLO_OFFLINE", YES, FETCH, WEAKER, "true",
            "the library looks for the network and fetches files", hit="false")),
    *read_by("pyannote", "python package pyannote.audio 4.0.7: pyannote/audio/telemetry/metrics.py",
        env("pyannote-metrics", "PYANNOTE_METRICS_ENABLED", any_of("true", "1"), TELEMETRY, WEAKER, "0",
            "usage statistics go to the makers", hit="1")),
    *read_by("flower", "python package flwr 1.42.0: flwr/supercore/telemetry.py",
        env("flower-telemetry", "FLWR_TELEMETRY_ENABLED", any_of("1"), TELEMETRY, WEAKER, "0",
            "Flower sends usage statistics to its makers")),
    *read_by("flower", "python package flwr 1.42.0: flwr/supercore/constant.py",
        env("flower-update-check", "FLWR_DISABLE_UPDATE_CHECK", only("1"), FETCH.noted, WEAKER, "1", "Flower asks for news of versions",
            hit="0")),
)  # fmt: skip

TRAINING_RULES: Final = (*HUBS, *TRANSFORMERS, *TRAINERS)
