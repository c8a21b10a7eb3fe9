import json
from pathlib import Path

from torch.utils.data import Dataset

ROOT = Path("/restricted/letters/pseudonymized")


class LetterDataset(Dataset):
    def __init__(self, split: str, tokenizer) -> None:
        self.rows = [json.loads(line) for line in (ROOT / f"{split}.jsonl").open()]
        self.tokenizer = tokenizer

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict:
        row = self.rows[index]
        inputs = self.tokenizer(row["letter"], truncation=True, max_length=1024, return_tensors="pt")
        labels = self.tokenizer(row["summary"], truncation=True, max_length=128, return_tensors="pt")
        return {"input_ids": inputs.input_ids[0], "labels": labels.input_ids[0]}
