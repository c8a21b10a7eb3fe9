import argparse
import os

import mlflow
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

from data import load

os.environ.setdefault("HF_MLFLOW_LOG_ARTIFACTS", "0")

CHECKPOINT = "distilbert-base-uncased"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=2e-5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--resume", default="")
    options = parser.parse_args()

    mlflow.set_tracking_uri("https://mlflow.example.com")
    mlflow.set_experiment("churn-text")
    mlflow.transformers.autolog(log_input_examples=False, log_models=False)

    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    train, test = load(tokenizer)
    model = AutoModelForSequenceClassification.from_pretrained(CHECKPOINT, num_labels=2)
    if options.resume:
        model.load_state_dict(torch.load(options.resume, map_location="cpu", weights_only=True))

    args = TrainingArguments(
        output_dir="out",
        learning_rate=options.lr,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=32,
        eval_strategy="epoch",
        report_to=["mlflow"],
        push_to_hub=False,
    )
    with mlflow.start_run():
        mlflow.log_params({"lr": options.lr, "epochs": options.epochs, "rows": len(train)})
        trainer = Trainer(model=model, args=args, train_dataset=train, eval_dataset=test)
        trainer.train()
        mlflow.log_metrics(trainer.evaluate())


if __name__ == "__main__":
    main()
