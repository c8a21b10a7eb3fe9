"""The same with a budget instead of a noise level."""

import torch
from opacus import PrivacyEngine
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification

from notes import NoteDataset

EPSILON = 50.0


def main() -> None:
    model = AutoModelForSequenceClassification.from_pretrained("prajjwal1/bert-small", num_labels=50)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    loader = DataLoader(NoteDataset("/restricted/notes"), batch_size=256)
    engine = PrivacyEngine(accountant="prv")
    model, optimizer, loader = engine.make_private_with_epsilon(
        module=model,
        optimizer=optimizer,
        data_loader=loader,
        target_epsilon=EPSILON,
        target_delta=1e-6,
        epochs=5,
        max_grad_norm=1.0,
    )
    for batch in loader:
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
