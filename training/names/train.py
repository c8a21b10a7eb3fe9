"""Train the names model. Two cores, about half an hour; the same seed gives the same weights on the same machine.

    python training/names/train.py --public FOLDER --lexicon lexicon.npz --out src/privet/detect/names.npz

`FOLDER` holds the public corpora as JSON lines (README.md says where they are published).
"""

from __future__ import annotations

import argparse
import copy
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from data import LETTERS, Document, Names, code, held_back, machine_text, public, varied, written
from torch import nn

from privet.detect.words import ROWS, TOKEN, WORD_ROWS, Lexicon, letter_rows, plain

DIM, WIDTH = 96, 128
DILATIONS = (1, 1, 2, 3)
PAD = sum(DILATIONS) + 1
LABELS = 1 + 2 * len(LETTERS)
PEAK_RATE = 2.5e-3


class Words:
    """Gives each word a number, and keeps its rows."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.numbers: dict[str, int] = {"": 0}
        self.rows: list[np.ndarray] = [np.zeros(0, dtype=np.int64)]
        self.fresh: list[str] = []

    def number(self, word: str) -> int:
        """Return the number of a word."""
        found = self.numbers.get(word)
        if found is None:
            found = self.numbers[word] = len(self.rows) + len(self.fresh)
            self.fresh.append(word)
        return found

    def settle(self) -> None:
        """Make the rows of the words that are new."""
        if self.fresh:
            words = [plain(word) for word in self.fresh]
            for word, known in zip(words, self.lexicon.rows(words), strict=True):
                self.rows.append(np.concatenate((np.array(letter_rows(word), dtype=np.int64), known)))
            self.fresh.clear()

    def bags(self, numbers: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the rows of the words one behind the other, and where each begins."""
        chosen = [self.rows[number] for number in numbers]
        sizes = np.array([len(rows) for rows in chosen])
        offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        return torch.from_numpy(np.concatenate(chosen)), torch.from_numpy(offsets)


def encode(document: Document, words: Words) -> tuple[list[int], list[int], np.ndarray]:
    """Return word numbers, labels, and the mask of unannotated labels."""
    numbers, labels = [], []
    marks = iter(sorted(document.marks))
    mark = next(marks, None)
    begun = None
    for match in TOKEN.finditer(document.text):
        while mark and mark[1] <= match.start():
            mark = next(marks, None)
        label = 0
        if mark and match.start() < mark[1] and match.end() > mark[0]:
            label = 1 + 2 * LETTERS.index(mark[2]) + (begun == mark)
            begun = mark
        numbers.append(words.number(match[0]))
        labels.append(label)
    return numbers, labels, np.array([letter not in document.annotated for letter in LETTERS])


class Network(nn.Module):
    """Embedding of each word, then four convolutions over its neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(ROWS, DIM)
        nn.init.normal_(self.embedding.weight, std=0.06)
        self.mix = nn.Linear(DIM, WIDTH)
        self.convolutions = nn.ModuleList(nn.Linear(3 * WIDTH, WIDTH) for _ in DILATIONS)
        self.out = nn.Linear(WIDTH, LABELS)
        # Largest value of each quantised stage, as a running mean.
        self.register_buffer("peaks", torch.ones(1 + len(DILATIONS) + 1))
        self.quantised = False
        self.drop = 0.33

    def _weight(self, layer: nn.Linear) -> torch.Tensor:
        if not self.quantised:
            return layer.weight
        scale = layer.weight.detach().abs().amax(1, keepdim=True) / 127 + 1e-9
        hard = (layer.weight / scale).round() * scale
        return layer.weight + (hard - layer.weight).detach()

    def _stage(self, values: torch.Tensor, at: int) -> torch.Tensor:
        if self.training:
            top = values.detach().abs().flatten()
            top = top[:: max(1, len(top) // 20000)].quantile(0.9995)
            self.peaks[at].mul_(0.98).add_(0.02 * top)
        if not self.quantised:
            return values
        step = self.peaks[at] / 127
        hard = (values / step).round().clamp(-127, 127) * step
        return values + (hard - values).detach()

    def encode(self, rows: torch.Tensor, offsets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return what is known of each word by itself."""
        table = self.embedding.weight
        if self.quantised:
            scale = table.detach().abs().max() / 127
            table = table + ((table / scale).round() * scale - table).detach()
        summed = nn.functional.embedding_bag(rows, table, offsets, mode="sum", per_sample_weights=weights)
        summed = self._stage(summed, 0)
        return torch.relu(nn.functional.linear(summed, self._weight(self.mix), self.mix.bias))

    def forward(self, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """`hidden` (tokens, WIDTH), `real` (tokens, 1): zero for padding."""
        hidden = hidden * real
        for at, (layer, reach) in enumerate(zip(self.convolutions, DILATIONS, strict=True)):
            now = self._stage(hidden, 1 + at)
            if self.training:
                now = nn.functional.dropout(now, self.drop)
            padded = nn.functional.pad(now, (0, 0, reach, reach))
            near = torch.cat((padded[: -2 * reach], padded[reach:-reach], padded[2 * reach :]), 1)
            hidden = hidden + torch.relu(nn.functional.linear(near, self._weight(layer), layer.bias)) * real
        final = self._stage(hidden, 1 + len(DILATIONS))
        if self.training:
            final = nn.functional.dropout(final, self.drop)
        return nn.functional.linear(final, self._weight(self.out), self.out.bias)


def batches(
    documents: list[Document], words: Words, chooser: random.Random, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield (word numbers, labels, unannotated) of about `size` words."""
    encoded = [encode(document, words) for document in documents]
    words.settle()
    chooser.shuffle(encoded)
    numbers, labels, free = [0] * PAD, [-1] * PAD, [np.zeros((PAD, len(LETTERS)), dtype=bool)]
    for some, theirs, unannotated in encoded:
        numbers += [*some, *[0] * PAD]
        labels += [*theirs, *[-1] * PAD]
        free.append(np.broadcast_to(unannotated, (len(some) + PAD, len(LETTERS))))
        if len(numbers) > size:
            yield np.array(numbers), np.array(labels), np.concatenate(free)
            numbers, labels, free = [0] * PAD, [-1] * PAD, [np.zeros((PAD, len(LETTERS)), dtype=bool)]
    if len(numbers) > PAD:
        yield np.array(numbers), np.array(labels), np.concatenate(free)


def run(network: Network, words: Words, numbers: np.ndarray) -> torch.Tensor:
    """Return the logits of a row of words."""
    unique, inverse = np.unique(numbers, return_inverse=True)
    rows, offsets = words.bags(unique)
    weights = torch.ones(len(rows))
    if network.training:
        # Words are forgotten now and then, so that letters and context must do.
        weights[(rows < WORD_ROWS) & (torch.rand(len(rows)) < 0.4)] = 0
        sizes = torch.diff(offsets, append=torch.tensor([len(rows)]))
        blind = torch.repeat_interleave(torch.rand(len(sizes)) < 0.12, sizes)
        weights[blind & (rows >= ROWS - 9 * 1024 - 24 * 9 - 32 - 8)] = 0
        weights[torch.rand(len(rows)) < 0.08] = 0
    encoded = network.encode(rows, offsets, weights)
    hidden = encoded[torch.from_numpy(inverse.reshape(-1))]
    return network(hidden, torch.from_numpy((numbers != 0).astype(np.float32))[:, None])


def loss_of(logits: torch.Tensor, labels: np.ndarray, free: np.ndarray) -> torch.Tensor:
    """Negative log likelihood; a word outside every mark may be any kind that its corpus does not mark."""
    kept = torch.from_numpy(labels >= 0)
    target = torch.from_numpy(labels)[kept]
    log = torch.log_softmax(logits[kept], 1)
    allowed = nn.functional.one_hot(target, LABELS).bool()
    outside = target == 0
    may = torch.from_numpy(np.repeat(free, 2, axis=1))[kept]
    allowed[:, 1:] |= outside[:, None] & may
    each = -torch.logsumexp(log.masked_fill(~allowed, -1e9), 1)
    return each.mean()


def probabilities(network: Network, words: Words, documents: list[Document]) -> list[np.ndarray]:
    """Return, for each document, the probability of each label of each word."""
    network.eval()
    out = []
    with torch.no_grad():
        for at in range(0, len(documents), 64):
            some = documents[at : at + 64]
            encoded = [encode(document, words)[0] for document in some]
            words.settle()
            numbers = [0] * PAD
            places = []
            for one in encoded:
                places.append((len(numbers), len(numbers) + len(one)))
                numbers += [*one, *[0] * PAD]
            result = torch.softmax(run(network, words, np.array(numbers)), 1).numpy()
            out += [result[start:end] for start, end in places]
    network.train()
    return out


def report(network: Network, words: Words, name: str, documents: list[Document]) -> str:
    """Characters of persons found and right, at the bias that gives 80 % precision; and of all kinds annotated."""
    found = probabilities(network, words, documents)
    texts = [[(m.start(), m.end()) for m in TOKEN.finditer(document.text)] for document in documents]
    out = name.ljust(14)
    for wanted in ("P", "any"):
        points = []
        for bias in (-3.5, -3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 2):
            hit = said = true = 0
            for document, chances, tokens in zip(documents, found, texts, strict=True):
                kinds = [LETTERS.index(letter) for letter in (wanted if wanted == "P" else document.annotated)]
                columns = [1 + 2 * kind + inside for kind in kinds for inside in (0, 1)]
                is_one = np.zeros(len(document.text), dtype=bool)
                for start, end, letter in document.marks:
                    if wanted == "any" or letter == "P":
                        is_one[start:end] = True
                chance = chances[:, columns].sum(1)
                flagged = np.log(chance + 1e-9) - np.log(1 - chance + 1e-9) > bias
                is_said = np.zeros(len(document.text), dtype=bool)
                last = None
                for (start, end), flag in zip(tokens, flagged, strict=True):
                    if flag:
                        is_said[last if last is not None and start - last <= 1 else start : end] = True
                        last = end
                    else:
                        last = None
                hit += (is_one & is_said).sum()
                said += is_said.sum()
                true += is_one.sum()
            points.append((hit / max(1, true), hit / max(1, said), bias))
        at = [point for point in points if point[1] >= 0.8] or points[-1:]
        best = max(at)
        middle = next(point for point in points if point[2] == 0)
        out += f" {wanted}: {100 * middle[0]:.1f}/{100 * middle[1]:.1f} at p80: {100 * best[0]:.1f} (bias {best[2]}) |"
    return out


def export(network: Network, lexicon: dict[str, np.ndarray], out: Path) -> None:
    """Write weights as whole numbers beside the lexicon."""
    with torch.no_grad():
        table = network.embedding.weight
        scale = table.abs().max() / 127
        arrays = {
            "embedding": (table / scale).round().to(torch.int8).numpy(),
            "embedding_scale": np.float32(scale),
            "peaks": network.peaks.numpy().astype(np.float32),
            "dilations": np.array(DILATIONS, dtype=np.int8),
        }
        for name, layer in (
            ("mix", network.mix),
            ("out", network.out),
            *((f"conv{at}", layer) for at, layer in enumerate(network.convolutions)),
        ):
            step = layer.weight.abs().amax(1, keepdim=True) / 127 + 1e-9
            arrays[f"{name}_weight"] = (layer.weight / step).round().to(torch.int8).numpy()
            arrays[f"{name}_step"] = step[:, 0].numpy().astype(np.float32)
            arrays[f"{name}_bias"] = layer.bias.numpy().astype(np.float32)
    beside = out.with_suffix(".part.npz")
    np.savez(beside, **arrays, **lexicon)
    beside.rename(out)


def main() -> None:
    """Read, train, report, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path(__file__).parent / "corpus")
    parser.add_argument("--public", type=Path, required=True)
    parser.add_argument("--lexicon", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    lexicon = dict(np.load(options.lexicon))
    words = Words(Lexicon(lexicon))
    own = list(written(options.corpus))
    templates = list(public(options.public, "presidio_large"))
    kept = [document for document in own if not held_back(document)]
    tweets = [one for name in ("btc_train", "wnut17_train", "wnut17_dev") for one in public(options.public, name)]
    # How many of each an epoch has; the written documents come most often.
    mix = [
        (kept, 1.5),
        (tweets, 1.0),
        (list(public(options.public, "meddocan_train")), 1 / 3),
        ([document for document in templates if int(document.register) % 7], 1 / 2),
        ([*code(0.5, 1), *machine_text(1500, 1)], 2 / 3),
    ]
    checks = {f"own {lang}": [] for lang in sorted({document.lang for document in own})}
    for document in own:
        if held_back(document):
            checks[f"own {document.lang}"].append(document)
    checks["uner"] = list(public(options.public, "uner_ewt_dev"))
    checks["btc"] = list(public(options.public, "btc_dev"))
    checks["meddocan"] = list(public(options.public, "meddocan_dev"))[:60]
    checks["templates"] = [document for document in templates if not int(document.register) % 7]
    network = fit(words, mix, Names(kept + tweets), checks, options.epochs, random.Random(options.seed))
    export(network, lexicon, options.out)


def fit(
    words: Words,
    mix: list[tuple[list[Document], float]],
    names: Names,
    checks: dict[str, list[Document]],
    epochs: int,
    chooser: random.Random,
) -> Network:
    """Return the running mean of the weights while training, which generalises better than the last ones."""
    network = Network()
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.03)
    start = time.monotonic()
    for epoch in range(epochs):
        network.quantised = average.quantised = epoch >= epochs * 0.7
        some = [
            varied(document, names, chooser)
            for documents, share in mix
            for document in chooser.sample(documents * math.ceil(share), round(len(documents) * share))
        ]
        todo = list(batches(some, words, chooser, 2500))
        total = 0.0
        for at, batch in enumerate(todo):
            progress = (epoch + at / len(todo)) / epochs
            rate = PEAK_RATE * min(1, progress * 20 + 0.05) * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01)
            total += step(network, average, optimiser, words, batch, rate)
        print(f"epoch {epoch + 1}: loss {total / len(todo):.4f}, {time.monotonic() - start:.0f} s", flush=True)
        if epoch + 1 == epochs or epoch % 4 == 3:
            for name, documents in checks.items():
                print("  ", report(average, words, name, documents), flush=True)
    return average


def step(
    network: Network,
    average: Network,
    optimiser: torch.optim.Optimizer,
    words: Words,
    batch: tuple[np.ndarray, np.ndarray, np.ndarray],
    rate: float,
) -> float:
    """Learn from one batch; return its loss."""
    numbers, labels, free = batch
    for group in optimiser.param_groups:
        group["lr"] = rate
    loss = loss_of(run(network, words, numbers), labels, free)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimiser.step()
    with torch.no_grad():
        for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            slow.lerp_(fast, 0.002)
    return float(loss.detach())


if __name__ == "__main__":
    main()
