"""Make the training sets from the annotation export."""

from datasets import DatasetDict, load_dataset

IDENTIFYING = ["annotator_name", "annotator_email", "ip_address", "user_agent"]


def build() -> DatasetDict:
    raw = load_dataset("json", data_files="/restricted/export.jsonl", split="train")
    rows = raw.remove_columns(IDENTIFYING)
    rows = rows.filter(lambda row: row["rating"] >= 3, num_proc=4)
    return rows.train_test_split(test_size=0.05, seed=7)


if __name__ == "__main__":
    built = build()
    built.save_to_disk("data/sft")
    print({name: len(split) for name, split in built.items()})
