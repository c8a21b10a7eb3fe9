import argparse

import torch
import yaml
from opacus import PrivacyEngine
from opacus.utils.batch_memory_manager import BatchMemoryManager
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

    engine = PrivacyEngine(secure_mode=True)
    model, optimizer, loader = engine.make_private(
        module=model,
        optimizer=optimizer,
        data_loader=loader,
        noise_multiplier=1.1,
        max_grad_norm=1.0,
        poisson_sampling=True,
    )
    for epoch in range(config["epochs"]):
        with BatchMemoryManager(data_loader=loader, max_physical_batch_size=64, optimizer=optimizer) as batches:
            for batch in batches:
                optimizer.zero_grad()
                loss = model(**batch).loss
                loss.backward()
                optimizer.step()
        epsilon = engine.get_epsilon(DELTA)
        print(f"epoch {epoch}: epsilon {epsilon:.2f}")
        if epsilon > MAX_EPSILON:
            raise SystemExit("the privacy budget is spent")
    model._module.save_pretrained("out", safe_serialization=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", default="config/dp.yaml")
    options = parser.parse_args()
    with open(options.config) as handle:
        train(yaml.safe_load(handle))


if __name__ == "__main__":
    main()
