import functools
import logging

from transformers import pipeline

logger = logging.getLogger(__name__)
PROMPTS = {
    "A2": "Rewrite the letter in very simple words.",
    "B1": "Rewrite the letter in plain language.",
}


@functools.cache
def load():
    return pipeline("text-generation", model="Qwen/Qwen2.5-1.5B-Instruct", trust_remote_code=False)


def simplify(letter: str, level: str) -> str:
    messages = [{"role": "system", "content": PROMPTS[level]}, {"role": "user", "content": letter}]
    output = load()(messages, max_new_tokens=1024, do_sample=False)
    answer = output[0]["generated_text"][-1]["content"]
    logger.info("rewrote %d characters into %d", len(letter), len(answer))
    return answer
