"""The CPU engine: the whole of training in compiled kernels that keep their work in the processor's caches.

This file holds an engine's weights and buffers, and calls the kernels (`golmu.engines.fused.kernels`) in threads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture, Block
from golmu.engines.contract import AVERAGE, FIRST, SECOND, Batches, Prepared, Score, Slots, finite_logits, needed_slots
from golmu.engines.fused import bands, kernels, numpy_passes
from golmu.engines.fused.compiling import check_compiler
from golmu.engines.fused.deep_layout import make_table, n_transformed
from golmu.engines.fused.few import MAX_FEW_IMAGES, few_logits, make_places
from golmu.engines.fused.layout import (
    SAMPLES_PER_LARGE_PART,
    SAMPLES_PER_PART,
    Buffers,
    Parameters,
    copy_flat,
    make_buffers,
    make_flat,
    parameters_of,
    read_weights,
    with_bands,
    write_weights,
)
from golmu.engines.fused.optimizers import make_step_sizes
from golmu.engines.fused.step_options import make_step_options
from golmu.engines.fused.threads import run_in_threads
from golmu.preprocessing import SCALING_ONLY, Preprocessing
from golmu.recipe import PLAIN, Method
from golmu.system import usable_cores
from golmu.types import Images, Importance, Labels, Weights

LARGE_LAYER_BYTES = 2**22
"""Bytes of dense1, several times a second-level cache, above which parts have more samples."""

TWO_BANDS_BYTES, TWO_BANDS_BATCHES = 2**17, 8
"""From how many bytes of dense1, and batches in a call, a second thread helps where a batch is one part: each waits for
the other in turn, and threads take as long to start as some batches. Batches of 32 take 0.79 of the time with 161 kB,
and 1.27 with 72 kB."""

NO_LABELS = np.empty(0, np.int64)
NO_LOGITS = np.empty((0, 0), np.float32)
NO_LOSSES = np.empty(0)
PLAIN_OPTIONS = make_step_options(PLAIN, 0)


class FusedEngine:
    """The network in fused kernels; see `golmu.engines.contract.Engine`.

    Parameters
    ----------
    architecture
        The sizes of the network.
    n_threads
        Threads at most; by default one for each usable core. The bits of every result are the same for any number.
    preprocessing
        What is done to images first.

    Raises
    ------
    EngineError
        If numba may not compile.
    """

    name = "fused"

    def __init__(
        self, architecture: Architecture, n_threads: int | None = None, preprocessing: Preprocessing = SCALING_ONLY
    ) -> None:
        check_compiler()
        self.architecture = architecture
        self.n_threads = n_threads or usable_cores()
        self.preprocessing = preprocessing
        self._weights = make_flat(architecture)
        self._net = parameters_of(architecture, self._weights)
        is_deep = architecture.n_blocks > 1
        self._train_kernel = kernels.train_deep if is_deep else bands.train
        self._evaluate_kernel = kernels.evaluate_deep if is_deep else kernels.evaluate
        self._n_views = 2 if preprocessing.test_flip else 1
        self._table = make_table(architecture)
        self._places = [make_places(architecture, n) for n in range(MAX_FEW_IMAGES + 1)]
        self._factors = {np.dtype(d): preprocessing.factors(d, architecture.channels) for d in (np.uint8, np.float32)}
        # What `few_logits` has made of the weights, once it has. Changed weights get a list of their own, so that a
        # thread of the user that predicts meanwhile leaves what it has made in the old one.
        self._transformed: list[NDArray[np.float32]] = []
        self._slots: dict[str, NDArray[np.float32]] = {}
        self._idle_buffers: dict[int, Buffers] = {}  # by samples per part

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy needs: not the memory, which is large and may change meanwhile."""
        return self.__dict__ | {"_transformed": [], "_idle_buffers": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy, with weights, slots and memory of its own."""
        self.__dict__.update(state)
        self._weights = copy_flat(self._weights)
        self._net = parameters_of(self.architecture, self._weights)
        self._slots = {name: copy_flat(slot) for name, slot in self._slots.items()}

    def set_weights(self, weights: Weights) -> None:
        try:
            write_weights(self.architecture, weights, self._weights)
        finally:
            self._transformed = []

    def get_weights(self) -> Weights:
        return read_weights(self.architecture, self._weights)

    @property
    def slot_names(self) -> Collection[str]:
        return self._slots.keys()

    def get_slots(self) -> Slots:
        return {name: read_weights(self.architecture, slot) for name, slot in self._slots.items()}

    def set_slots(self, slots: Slots) -> None:
        self._slots = {name: make_flat(self.architecture) for name in slots}
        for name, weights in slots.items():
            write_weights(self.architecture, weights, self._slots[name])

    def prepare(self, images: Images, labels: Labels, importance: Importance | None = None) -> Prepared:
        return Prepared(_read_only(images), labels, kernels.NO_IMPORTANCE if importance is None else importance)

    def train(self, data: Prepared, batches: Batches, method: Method) -> NDArray[np.float32]:
        for name in needed_slots(method, averages=batches.averaging is not None):
            if name not in self._slots:
                self._slots[name] = make_flat(self.architecture)
        try:
            return self._run_steps(data, batches, method, self._weights)
        finally:
            self._transformed = []

    def evaluate(self, data: Prepared, *, averaged: bool = False) -> Score:
        n_parts = -(-len(data) // self._samples_per_part(len(data)))
        losses, n_right = np.empty(n_parts), np.empty(n_parts, np.int64)
        net = parameters_of(self.architecture, self._slots[AVERAGE]) if averaged else self._net
        self._run_forward(net, data.images, data.labels, NO_LOGITS, losses, n_right)
        return Score(float(losses.sum()) / len(data), int(n_right.sum()) / len(data))

    def gradients(self, images: Images, labels: Labels) -> tuple[float, Weights]:
        # The kernels have no entry that returns a gradient, and need none: a step of size −1 that starts from zero
        # ends at the gradient. So the tests of gradients check the very code that trains.
        gradient = make_flat(self.architecture)
        batches = Batches.at(-1, np.arange(len(images))[None])
        losses = self._run_steps(self.prepare(images, labels), batches, PLAIN, gradient)
        return float(losses[0]), read_weights(self.architecture, gradient)

    def logits(self, images: Images) -> NDArray[np.float32]:
        result = np.empty((len(images), self.architecture.n_classes), np.float32)
        if len(images) <= MAX_FEW_IMAGES:
            places, kept = self._places[len(images)], self._transformed
            is_stale = not kept
            transformed = np.empty(n_transformed(self.architecture), np.float32) if is_stale else kept[0]
            few_logits(
                _read_only(images), *self._factors[images.dtype], self._net, self._table, transformed, is_stale,
                self._n_views, places, np.zeros(places.end, np.float32), result,
            )  # fmt: skip
            if is_stale:
                kept.append(transformed)
        else:
            self._run_forward(self._net, _read_only(images), NO_LABELS, result, NO_LOSSES, NO_LABELS)
        return finite_logits(result)

    def feature_maps(self, images: Images, block: int = 0) -> NDArray[np.float32]:
        blocks = self.architecture.blocks[: block + 1]
        return numpy_passes.feature_maps(self._convolution_input(images), blocks, self.get_weights())

    def activation_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        return numpy_passes.activation_gradient(*self._network(images), output_gradient)

    def input_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        return numpy_passes.input_gradient(*self._network(images), output_gradient)

    def _network(self, images: Images) -> tuple[NDArray[np.float32], list[Block], Weights]:
        """Return what the passes in NumPy take: the first convolution's input, the blocks, and the weights."""
        return self._convolution_input(images), self.architecture.blocks, self.get_weights()

    def _run_steps(self, data: Prepared, batches: Batches, method: Method, step: NDArray[Any]) -> NDArray[np.float32]:
        """Move `step` by the gradients at the weights, a step for each batch, and return the losses."""
        order = np.ascontiguousarray(batches.order)
        losses = np.empty(len(order), np.float32)
        samples = self._samples_per_part(order.shape[1])
        n_parts = -(-order.shape[1] // samples)
        n_threads, n_bands = min(self.n_threads, n_parts), 0
        if self.architecture.n_blocks == 1:
            n_threads = n_bands = self._count_bands(len(order), n_parts)
        # A kernel needs three slots as arguments; where one does not exist, `step` stands in, and is not used as one.
        slots = [self._slots.get(name, step) for name in (FIRST, SECOND, AVERAGE)]
        with self._buffers(n_parts, samples, n_bands) as work:
            run_in_threads(
                self._train_kernel, n_threads, data.images, data.labels, data.importance,
                *self._factors[data.images.dtype], order, self._net, step, *slots,
                make_step_options(method, batches.seed), make_step_sizes(method, batches), batches.first_batch,
                method.record_loss == "after", work, losses,
            )  # fmt: skip
        return losses

    def _count_bands(self, n_batches: int, n_parts: int) -> int:
        """Return how many bands, and so threads, train one block.

        With more bands than parts, a thread would wait until its first part has gone through all bands before it.
        """
        if n_parts == 1 and n_batches >= TWO_BANDS_BATCHES and self._net.dense1.nbytes >= TWO_BANDS_BYTES:
            n_parts = 2
        return min(self.n_threads, n_parts, self.architecture.pooled_shape[0])

    def _run_forward(
        self, net: Parameters, images: Images, labels: Labels, logits: NDArray[Any], losses: NDArray[Any],
        n_right: NDArray[Any],
    ) -> None:  # fmt: skip
        """Fill logits, or losses and n_right, which may be empty: see `golmu.engines.fused.kernels.evaluate`."""
        samples = self._samples_per_part(len(images))
        n_threads = min(self.n_threads, -(-len(images) // samples))
        with self._buffers(n_threads, samples) as work:
            run_in_threads(
                self._evaluate_kernel, n_threads, images, labels, *self._factors[images.dtype], np.arange(len(images)),
                net, PLAIN_OPTIONS, self._n_views, work, logits, losses, n_right,
            )  # fmt: skip

    def _convolution_input(self, images: Images) -> NDArray[np.float32]:
        """Return what the convolution sees of the images."""
        scale, offset = self._factors[images.dtype]
        return images.astype(np.float32) * scale + offset

    def _samples_per_part(self, n: int) -> int:
        """Return how many samples a part of a batch of n has.

        The number must not depend on the threads, since it decides the order of additions.
        """
        is_large = self._net.dense1.nbytes > LARGE_LAYER_BYTES and n >= SAMPLES_PER_LARGE_PART
        return SAMPLES_PER_LARGE_PART if is_large else SAMPLES_PER_PART

    @contextmanager
    def _buffers(self, n_parts: int, samples: int, n_bands: int = 0) -> Iterator[Buffers]:
        """Lend buffers for at least `n_parts` parts of `samples` samples, and keep them for the next call.

        They have `n_bands` bands; 0 means that any number will do.

        While they are lent they are not in `_idle_buffers`, so another thread of the user that predicts at the same
        time makes its own. A lock would not do: a process that is forked while it is held finds it locked for ever.
        """
        work = self._idle_buffers.pop(samples, None)
        if work is None or len(work.act) < n_parts or len(work.gradient) < self.n_threads:
            work = make_buffers(self.architecture, n_parts, samples, self.n_threads)
        if n_bands > 0:
            work = with_bands(work, n_bands)
        yield work
        self._idle_buffers[samples] = work


def _read_only(images: Images) -> Images:
    """Return a view of the images that cannot be written to.

    Numba compiles a kernel for writable arrays and once more for read-only ones; with all images read-only it
    compiles once.
    """
    view = images.view()
    view.flags.writeable = False
    return view


def load_kernels(*, is_deep: bool) -> None:
    """Load the kernels of one block, or of several, from disk, or compile them, by the least work that calls them."""
    images, labels = np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1])
    engine = FusedEngine(Architecture(4, 4, 1, (1, 1) if is_deep else 1, 1, 2), 1)
    data = engine.prepare(images, labels)
    engine.train(data, Batches.at(1, np.array([[0, 1]])), PLAIN)
    engine.evaluate(data)
