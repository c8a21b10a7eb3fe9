import json
from pathlib import Path

from torch.utils.data import Dataset


class NoteDataset(Dataset):
    def __init__(self, root: str) -> None:
        self.rows = [json.loads(line) for line in Path(root, "train.jsonl").open()]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict:
        row = self.rows[index]
        return {"input_ids": row["ids"], "labels": row["label"]}
