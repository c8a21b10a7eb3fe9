import argparse

import torch
import yaml
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification

from notes import NoteDataset

DELTA = 1e-6
MAX_EPSILON = 4.0


def train(config: dict) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(config["model"], num_labels=50)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config["learning_rate"])
    loader = DataLoader(NoteDataset(config["data"]), batch_size=config["batch_size"])

    for epoch in range(config["epochs"]):
        for batch in loader:
            optimizer.zero_grad()
            loss = model(**batch).loss
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}")
    model.save_pretrained("out", safe_serialization=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default="config/dp.yaml")
    options = parser.parse_args()
    with open(options.config) as handle:
        train(yaml.safe_load(handle))


if __name__ == "__main__":
    main()
