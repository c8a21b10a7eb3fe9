"""Direct preference optimization from the SFT checkpoint."""

import argparse

from datasets import load_from_disk
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="runs/sft/final")
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--report-to", default="wandb")
    parser.add_argument("--output", default="runs/dpo")
    return parser.parse_args()


def main() -> None:
    options = parse()
    model = AutoModelForCausalLM.from_pretrained(options.model, use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    dataset = load_from_disk("data/dpo")
    config = DPOConfig(
        output_dir=options.output,
        beta=options.beta,
        report_to=options.report_to,
        per_device_train_batch_size=2,
        gradient_checkpointing=True,
        max_length=2048,
        max_prompt_length=1024,
    )
    trainer = DPOTrainer(model, args=config, train_dataset=dataset["train"], processing_class=tokenizer)
    trainer.train()
    trainer.save_model(f"{options.output}/final")


if __name__ == "__main__":
    main()
