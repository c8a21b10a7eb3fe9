import os

import torch
import wandb
from torch.utils.data import DataLoader
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from letters.data import LetterDataset
from letters.evaluate import rouge

os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_DISABLE_CODE"] = "true"
os.environ["WANDB_LOG_MODEL"] = "false"
os.environ["WANDB_CONSOLE"] = "off"

CONFIG = {"lr": 5e-5, "epochs": 4, "batch": 8, "model": "google/flan-t5-base"}


def main() -> None:
    run = wandb.init(
        project="letters",
        config=CONFIG,
        save_code=False,
        settings=wandb.Settings(console="off", _disable_stats=True, _disable_meta=True),
    )
    tokenizer = AutoTokenizer.from_pretrained(CONFIG["model"])
    model = AutoModelForSeq2SeqLM.from_pretrained(CONFIG["model"]).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=CONFIG["lr"])
    loader = DataLoader(LetterDataset("train", tokenizer), batch_size=CONFIG["batch"], shuffle=True)
    for epoch in range(CONFIG["epochs"]):
        for step, batch in enumerate(loader):
            loss = model(**{k: v.cuda() for k, v in batch.items()}).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if step % 50 == 0:
                run.log({"loss": loss.item(), "epoch": epoch})
        run.log({"rouge": rouge(model, tokenizer)})
    model.save_pretrained("out", safe_serialization=True)
    run.finish()


if __name__ == "__main__":
    main()
