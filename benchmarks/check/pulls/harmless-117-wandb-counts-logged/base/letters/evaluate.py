import logging

from rouge_score import rouge_scorer

from letters.data import LetterDataset

logger = logging.getLogger(__name__)


def rouge(model, tokenizer, limit: int = 200) -> float:
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    total = 0.0
    rows = LetterDataset("test", tokenizer).rows[:limit]
    for row in rows:
        ids = tokenizer(row["letter"], return_tensors="pt", truncation=True).input_ids.cuda()
        output = tokenizer.decode(model.generate(ids, max_new_tokens=128)[0], skip_special_tokens=True)
        total += scorer.score(row["summary"], output)["rougeL"].fmeasure
    logger.info("evaluated %d letters", len(rows))
    return total / max(len(rows), 1)
