"""The network of the names model: words in, the chance of each label out.

A word is the sum of embedding rows (its letters, its shape, what the lexicon knows of it), mixed by one layer; four
convolutions with residuals (dilations in the file) let it see its neighbours; one layer gives the labels. The design follows
the hash embeddings and residual convolutions of spaCy (Honnibal 2017, Serrà and Karatzoglou 2017).

Weights and activations are whole numbers of at most 8 bits, and every sum of products stays below 2**24, so float32 holds it
exactly. The order in which a matrix product adds is therefore of no consequence: the same words give the same labels on
every machine and however the text was cut.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from threadpoolctl import LibController, ThreadpoolController

from privet.detect.words import Lexicon, case_of, letter_rows, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_TOP: Final = np.float32(127)
_MAX_WORDS: Final = 1 << 14
_BLOCK_WORDS: Final = 768


class Layer:
    """A linear layer with weights in whole numbers."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], name: str, peak: np.float32) -> None:
        self._weight = np.ascontiguousarray(arrays[f"{name}_weight"].T, dtype=np.float32)
        self._scale = (arrays[f"{name}_step"] * (peak / _TOP)).astype(np.float32)
        self._bias = arrays[f"{name}_bias"].astype(np.float32)

    def __call__(self, whole: Floats) -> Floats:
        """Return the layer's values for rows of whole numbers."""
        out: Floats = whole @ self._weight
        out *= self._scale
        out += self._bias
        return out


class Network:
    """The trained network; may be shared by threads. It keeps a bounded number of single words, never a text."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        peaks = arrays["peaks"].astype(np.float32)
        self._lexicon = Lexicon(arrays)
        self._table = arrays["embedding"]
        self._summed_step = np.float32(arrays["embedding_scale"]) * _TOP / peaks[0]
        self._mix = Layer(arrays, "mix", peaks[0])
        self._reaches = [int(reach) for reach in arrays["dilations"]]
        self._convolutions = [Layer(arrays, f"conv{at}", peaks[1 + at]) for at in range(len(self._reaches))]
        self._out = Layer(arrays, "out", peaks[-1])
        self._steps = [_TOP / peak for peak in peaks[1:]]
        self.reach_words = sum(self._reaches)
        self.width = len(arrays["mix_bias"])
        self._adding = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        # Row 0 is what stands beyond the text. Readers hold the pair they began with.
        # The last column holds how the word is written.
        self._known: tuple[dict[str, int], Floats] = ({"": 0}, np.zeros((_MAX_WORDS, self.width + 1), dtype=np.float32))

    def logits(self, words: Sequence[str]) -> tuple[Floats, NDArray[np.int64]]:
        """Return the value of each label for each word, shape (words, labels), and the words' places in `CASES`.

        An empty word parts what is beside it.
        """
        with _ONE_CORE:
            known = self._rows(words)
            return self._labels(known[:, :-1]), known[:, -1].astype(np.int64)

    def _labels(self, rows: Floats) -> Floats:
        reach = self.reach_words
        if len(rows) <= _BLOCK_WORDS:
            return self._run(rows)
        out = []
        for start in range(0, len(rows), _BLOCK_WORDS):
            left = max(0, start - reach)
            found = self._run(rows[left : start + _BLOCK_WORDS + reach])
            out.append(found[start - left : start - left + _BLOCK_WORDS])
        return np.concatenate(out)

    def _rows(self, words: Sequence[str]) -> Floats:
        """Return what is known of each word by itself, shape (words, width + 1)."""
        if len(words) > _MAX_WORDS // 2:
            half = len(words) // 2
            return np.concatenate((self._rows(words[:half]), self._rows(words[half:])))
        numbers, states = self._known
        try:
            return states[[numbers[word] for word in words]]
        except KeyError:
            pass
        with self._adding:
            numbers, states = self._known
            fresh = list(dict.fromkeys(word for word in words if word not in numbers))
            if len(numbers) + len(fresh) > _MAX_WORDS:
                self._forget()
                numbers, states = self._known
                fresh = list(dict.fromkeys(word for word in words if word))
            if fresh:  # else another thread has just added them
                first = len(numbers)
                states[first : first + len(fresh)] = self._encode(fresh)
                numbers.update(zip(fresh, range(first, first + len(fresh)), strict=True))
            return states[[numbers[word] for word in words]]

    def _encode(self, words: Sequence[str]) -> Floats:
        plains = [plain(word) for word in words]
        letters = [letter_rows(word) for word in plains]
        sizes = np.array([len(rows) for rows in letters])
        flat = np.array([row for rows in letters for row in rows])
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        summed = np.add.reduceat(self._table[flat], starts, axis=0, dtype=np.int32)
        summed += self._table[self._lexicon.rows(plains)].sum(axis=1, dtype=np.int32)
        hidden = self._mix(_whole(summed.astype(np.float32), self._summed_step))
        cases = np.array([case_of(word) for word in plains], dtype=np.float32)
        return np.concatenate((np.maximum(hidden, 0), cases[:, None]), axis=1)

    def _run(self, hidden: Floats) -> Floats:
        """Return the logits of a block of words."""
        beyond = ~hidden.any(axis=1)
        parted = bool(beyond.any())
        for layer, reach, step in zip(self._convolutions, self._reaches, self._steps, strict=False):
            count, width = hidden.shape
            near = np.zeros((count, 3 * width), dtype=np.float32)
            whole = _whole(hidden, step)
            near[:, width : 2 * width] = whole
            near[reach:, :width] = whole[:-reach]
            near[:-reach, 2 * width :] = whole[reach:]
            more = layer(near)
            np.maximum(more, 0, out=more)
            if parted:
                more[beyond] = 0
            hidden = hidden + more
        return self._out(_whole(hidden, self._steps[-1]))


class _OneCore:
    """Keeps matrix products on one core while anybody is inside, and then gives the process its setting back.

    These matrices are so small that two threads take longer than one, and on a busy machine many times longer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._libraries: list[tuple[LibController, int]] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._libraries is None:
                found = ThreadpoolController().select(user_api="blas").lib_controllers
                self._libraries = [(library, 1) for library in found]
            if not self._inside:
                self._libraries = [(library, library.get_num_threads() or 1) for library, _ in self._libraries]
                self._set(1)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._set(0)

    def _set(self, count: int) -> None:
        for library, before in self._libraries or ():
            if before > 1:
                library.set_num_threads(count or before)


_ONE_CORE: Final = _OneCore()


def _whole(values: Floats, step: np.float32) -> Floats:
    out = values * step
    np.rint(out, out=out)
    return np.clip(out, -_TOP, _TOP, out=out)
