"""The CPU engine: the whole of training in compiled kernels that keep their work in the processor's caches.

Here are its buffers, its threads, and the way between the canonical weights and its own; the arithmetic is in
`golmu.engines.fused.kernels`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numba.core import config, event
from numpy.typing import NDArray

from golmu.architecture import KERNEL_SIZE, Architecture, Weights
from golmu.engines.contract import (
    AVERAGE,
    FIRST,
    SECOND,
    Batches,
    Evaluation,
    Importance,
    Labels,
    Prepared,
    Slots,
    needed_slots,
    usable_cores,
)
from golmu.engines.fused import kernels, views
from golmu.engines.fused.kernels import BLOCK, CACHE_LINE, MORE_SAMPLES, SAMPLES, Buffers, Parameters
from golmu.engines.fused.optimizers import pace
from golmu.engines.fused.step_options import options
from golmu.engines.fused.vectors import LANES
from golmu.preprocessing import SCALING_ONLY, Images, Preprocessing
from golmu.recipe import PLAIN, Method

logger = logging.getLogger("golmu")

LARGE_LAYER = 2**22
"""Bytes of dense1, several times a second-level cache, above which parts have more samples."""

NO_LABELS = np.empty(0, np.int64)
NO_IMPORTANCE = np.empty(0, np.float32)
NO_LOGITS = np.empty((0, 0), np.float32)
NO_OPTIONS = options(PLAIN, 0)


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
    """

    name = "fused"

    def __init__(
        self, architecture: Architecture, n_threads: int | None = None, preprocessing: Preprocessing = SCALING_ONLY
    ) -> None:
        self.architecture = architecture
        self.n_threads = n_threads or usable_cores()
        self.preprocessing = preprocessing
        self._net = _parameters(architecture)
        self._slots: dict[str, Parameters] = {}
        self._kept: dict[int, Buffers] = {}

    def set_weights(self, weights: Weights) -> None:
        self._fill(self._net, weights)

    @property
    def slot_names(self) -> Collection[str]:
        return self._slots.keys()

    def get_slots(self) -> Slots:
        return {name: self._canonical(slot) for name, slot in self._slots.items()}

    def set_slots(self, slots: Slots) -> None:
        self._slots = {name: _parameters(self.architecture) for name in slots}
        for name, weights in slots.items():
            self._fill(self._slots[name], weights)

    def _fill(self, net: Parameters, weights: Weights) -> None:
        a = self.architecture
        rows, columns, n_kernels = a.pooled_shape
        net.conv_w[:] = weights["conv_w"].transpose(3, 2, 0, 1).reshape(net.conv_w.shape)
        net.conv_b[:] = weights["conv_b"]
        net.dense1[:-1, : a.units] = (
            weights["w1"].reshape(rows, columns, n_kernels, -1).transpose(0, 2, 1, 3).reshape(-1, a.units)
        )
        net.dense1[-1, : a.units] = weights["b1"]
        net.dense2[:-1, : a.n_classes] = weights["w2"]
        net.dense2[-1, : a.n_classes] = weights["b2"]

    def get_weights(self) -> Weights:
        return self._canonical(self._net)

    def prepare(self, images: Images, labels: Labels, importance: Importance | None = None) -> Prepared:
        return Prepared(_to_read(images), labels, NO_IMPORTANCE if importance is None else importance)

    def train(self, data: Prepared, batches: Batches, method: Method) -> NDArray[np.float32]:
        for name in needed_slots(method, averages=batches.averaging is not None):
            if name not in self._slots:
                self._slots[name] = _parameters(self.architecture)
        return self._steps(data, batches, method, self._net)

    def evaluate(self, data: Prepared, *, averaged: bool = False) -> Evaluation:
        n_parts = -(-len(data) // self._samples(len(data)))
        losses, n_right = np.empty(n_parts), np.empty(n_parts, np.int64)
        net = self._slots[AVERAGE] if averaged else self._net
        self._forward(net, data.images, data.labels, NO_LOGITS, losses, n_right)
        return Evaluation(float(losses.sum()) / len(data), int(n_right.sum()) / len(data))

    def gradients(self, images: Images, labels: Labels) -> tuple[float, Weights]:
        # A step of size −1 from zero, so that what is checked here is what trains.
        total = _parameters(self.architecture)
        batches = Batches.at(-1, np.arange(len(images))[None])
        losses = self._steps(self.prepare(images, labels), batches, PLAIN, total)
        return float(losses[0]), self._canonical(total)

    def logits(self, images: Images) -> NDArray[np.float32]:
        result = np.empty((len(images), self.architecture.n_classes), np.float32)
        self._forward(self._net, _to_read(images), NO_LABELS, result, np.empty(0), NO_LABELS)
        return result

    def feature_maps(self, images: Images) -> NDArray[np.float32]:
        weights = self.get_weights()
        _, height, width, _ = images.shape
        padded = np.pad(self._seen(images), ((0, 0), (1, 1), (1, 1), (0, 0)))
        maps = np.broadcast_to(weights["conv_b"], (*images.shape[:3], self.architecture.n_kernels)).copy()
        for i, j in np.ndindex(KERNEL_SIZE, KERNEL_SIZE):
            maps += padded[:, i : i + height, j : j + width] @ weights["conv_w"][i, j]
        return maps

    def input_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        # For explanations, of a few images at a time, so NumPy is fast enough.
        weights = self.get_weights()
        maps = self.feature_maps(images)
        n, height, width, n_kernels = maps.shape
        rows, columns, _ = self.architecture.pooled_shape
        windows = maps[:, : 2 * rows, : 2 * columns].reshape(n, rows, 2, columns, 2, n_kernels)
        windows = windows.transpose(0, 1, 3, 5, 2, 4).reshape(n, rows, columns, n_kernels, 4)
        pooled = np.maximum(windows.max(axis=-1), 0)
        hidden = np.maximum(pooled.reshape(n, -1) @ weights["w1"] + weights["b1"], 0)

        d_hidden = (output_gradient @ weights["w2"].T) * (hidden > 0)
        d_pooled = (d_hidden @ weights["w1"].T).reshape(pooled.shape) * (pooled > 0)
        d_windows = np.zeros_like(windows)
        np.put_along_axis(d_windows, windows.argmax(axis=-1)[..., None], d_pooled[..., None], axis=-1)
        d_windows = d_windows.reshape(n, rows, columns, n_kernels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
        d_maps = np.zeros_like(maps)
        d_maps[:, : 2 * rows, : 2 * columns] = d_windows.reshape(n, 2 * rows, 2 * columns, n_kernels)
        d_padded = np.zeros((n, height + 2, width + 2, images.shape[3]), np.float32)
        for i, j in np.ndindex(KERNEL_SIZE, KERNEL_SIZE):
            d_padded[:, i : i + height, j : j + width] += d_maps @ weights["conv_w"][i, j].T
        return d_padded[:, 1:-1, 1:-1]

    def _steps(self, data: Prepared, batches: Batches, method: Method, step: Parameters) -> NDArray[np.float32]:
        """Moves `step` by the gradients at the weights; returns the losses."""
        order = np.ascontiguousarray(batches.order)
        losses = np.empty(len(order), np.float32)
        samples = self._samples(order.shape[1])
        n_parts = -(-order.shape[1] // samples)
        n_threads = min(self.n_threads, n_parts)
        slots = [self._slots.get(name, step) for name in (FIRST, SECOND, AVERAGE)]  # those not needed are not touched
        state = np.zeros(2 + n_threads, np.int64)
        with self._buffers(n_parts, samples) as work:
            _run(n_threads, lambda thread: kernels.train(
                thread, state, data.images, data.labels, data.importance, *self._factors(data.images), order,
                self._net, step, *slots, options(method, batches.seed), pace(method, batches), batches.first_batch,
                method.record_loss == "after", work, losses,
            ))  # fmt: skip
        return losses

    def _forward(
        self, net: Parameters, images: Images, labels: Labels, logits: NDArray[Any], losses: NDArray[Any],
        n_right: NDArray[Any],
    ) -> None:  # fmt: skip
        samples = self._samples(len(images))
        n_threads = min(self.n_threads, -(-len(images) // samples))
        state = np.zeros(2 + n_threads, np.int64)
        n_views = 2 if self.preprocessing.test_flip else 1
        with self._buffers(n_threads, samples) as work:
            _run(n_threads, lambda thread: kernels.evaluate(
                thread, state, images, labels, *self._factors(images), net, NO_OPTIONS, n_views, work, logits, losses,
                n_right,
            ))  # fmt: skip

    def _factors(self, images: Images) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.preprocessing.factors(images.dtype, self.architecture.channels)

    def _seen(self, images: Images) -> NDArray[np.float32]:
        """What the convolution sees."""
        scale, offset = self._factors(images)
        return images.astype(np.float32) * scale + offset

    def _samples(self, n: int) -> int:
        """Samples in a part of a batch of n. It must not depend on the threads: the order of additions does on it."""
        is_large = self._net.dense1.nbytes > LARGE_LAYER and n >= MORE_SAMPLES
        return MORE_SAMPLES if is_large else SAMPLES

    @contextmanager
    def _buffers(self, n_parts: int, samples: int) -> Iterator[Buffers]:
        """Buffers for at least `n_parts` parts of `samples` samples, kept for the next call.

        Meanwhile no other thread of the user has them: one that predicts at the same time makes its own. A lock would
        be one that a forked process may find closed for ever.
        """
        work = self._kept.pop(samples, None)
        if work is None or len(work.x) < n_parts:
            work = _make_buffers(self.architecture, n_parts, samples, self.n_threads)
        yield work
        self._kept[samples] = work

    def _canonical(self, net: Parameters) -> Weights:
        a = self.architecture
        rows, columns, n_kernels = a.pooled_shape
        w1 = net.dense1[:-1, : a.units].reshape(rows, n_kernels, columns, -1).transpose(0, 2, 1, 3)
        conv_w = net.conv_w.reshape(n_kernels, a.channels, KERNEL_SIZE, KERNEL_SIZE).transpose(2, 3, 1, 0)
        return {
            "conv_w": np.array(conv_w, order="C"),
            "conv_b": net.conv_b.copy(),
            "w1": np.array(w1, order="C").reshape(-1, a.units),
            "b1": net.dense1[-1, : a.units].copy(),
            "w2": net.dense2[:-1, : a.n_classes].copy(),
            "b2": net.dense2[-1, : a.n_classes].copy(),
        }


def _to_read(images: Images) -> Images:
    """The images as an array that cannot be written to: to numba those are another type, which is compiled anew."""
    view = images.view()
    view.flags.writeable = False
    return view


def _zeros(*shape: int, dtype: Any = np.float32) -> NDArray[Any]:
    """Zeros that start at a cache line, so that no two threads write to one."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    array: NDArray[Any] = memory[start : start + size].view(dtype).reshape(shape)
    return array


def _whole_vectors(n: int) -> int:
    return -(-n // LANES) * LANES


def _parameters(a: Architecture) -> Parameters:
    return Parameters(
        conv_w=_zeros(a.n_kernels, a.channels, KERNEL_SIZE**2),
        conv_b=_zeros(a.n_kernels),
        dense1=_zeros(a.n_features + 1, _whole_vectors(a.units)),
        dense2=_zeros(a.units + 1, _whole_vectors(a.n_classes)),
    )


def _make_buffers(a: Architecture, n_parts: int, samples: int, n_threads: int) -> Buffers:
    rows, columns, n_kernels = a.pooled_shape
    block, last = BLOCK * _whole_vectors(a.units), (a.units + 1) * _whole_vectors(a.n_classes)
    work = Buffers(
        x=_zeros(n_parts, a.channels, 2 * rows + 2, 2, columns + 1, samples),
        act=_zeros(n_parts, a.n_features + 1, samples),
        where=_zeros(n_parts, a.n_features, samples, dtype=np.int32),
        hidden=_zeros(n_parts, a.units + 1, samples),
        logits=_zeros(n_parts, a.n_classes, samples),
        d_hidden=_zeros(n_parts, a.units, samples),
        d_row=_zeros(n_threads, n_kernels * columns, samples),
        d_conv_w=_zeros(n_parts, n_kernels, a.channels, KERNEL_SIZE**2),
        d_conv_b=_zeros(n_parts, a.channels, n_kernels),
        right1=_zeros(n_parts * samples * _whole_vectors(a.units)),
        right2=_zeros(n_parts * samples * _whole_vectors(a.n_classes)),
        losses=_zeros(2, n_parts, dtype=np.float64),
        gradient=_zeros(n_threads, max(block, last, n_kernels * a.channels * KERNEL_SIZE**2)),
        mirrored=_zeros(n_parts, a.n_classes, samples),
        keys=_zeros(n_parts, samples, dtype=np.uint32),
        views=_zeros(n_parts, samples, views.NUMBERS, dtype=np.int64),
    )
    work.act[:, -1] = 1
    work.hidden[:, -1] = 1
    return work


def load_kernels() -> None:
    """Has the kernels compiled, or loaded from disk, by the least work that calls them all."""
    images, labels = np.zeros((2, 2, 2, 1), np.uint8), np.array([0, 1])
    engine = FusedEngine(Architecture(2, 2, 1, 1, 1, 2), 1)
    data = engine.prepare(images, labels)
    engine.train(data, Batches.at(1, np.array([[0, 1]])), PLAIN)
    engine.evaluate(data)


class _Compilation(event.Listener):  # type: ignore[misc]  # numba has no types
    """What happens around a compilation, which comes only once on a computer: it is announced, and made shorter.

    A kernel that is compiled for another one, in the midst of its compilation, is optimised there, where it is copied
    to. To optimise it fully on its own as well would be a tenth of all the work.
    """

    def __init__(self) -> None:
        self._depth, self._level, self._said, self._last = 0, config.OPT, False, None

    def notify(self, event: Any) -> None:
        if event is not self._last:  # it comes once for each thread that has installed this listener
            self._last = event
            super().notify(event)

    def on_start(self, event: Any) -> None:
        if not self._said:
            self._said = True
            logger.warning(
                "compiling the kernels for this processor; this happens once for each type of images, and takes about "
                "ten seconds"
            )
        self._depth += 1
        if self._depth == 2:
            self._level, config.OPT = config.OPT, type(config.OPT)(1)

    def on_end(self, event: Any) -> None:
        if self._depth == 2:
            config.OPT = self._level
        self._depth -= 1


_compilation = _Compilation()


def _run(n_threads: int, work: Callable[[int], None]) -> None:
    """Runs kernels in threads, and says so if they must be compiled first."""
    with event.install_listener("numba:compile", _compilation):
        _in_threads(n_threads, work)


def _in_threads(n_threads: int, work: Callable[[int], None]) -> None:
    """Runs work(0) to work(n_threads − 1), each in a thread of its own that ends with it.

    No thread outlives the call, so a process may fork between calls. Workers wait for each other inside, so that all
    must run or none: Ctrl-C while they start calls all off, and later is heard when all have ended.
    """
    if n_threads == 1:
        work(0)
        return
    gate, is_off, errors = threading.Event(), threading.Event(), []

    def run(thread: int) -> None:
        gate.wait()
        if not is_off.is_set():
            try:
                work(thread)
            except BaseException as error:  # carried to the caller
                errors.append(error)

    threads = [threading.Thread(target=partial(run, thread), daemon=True) for thread in range(n_threads)]
    try:
        for thread in threads:
            thread.start()
    except BaseException:
        is_off.set()
        raise
    finally:
        gate.set()
    interruption = None
    for thread in threads:
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt as error:
                interruption = error
    if interruption is not None:
        raise interruption
    if errors:
        raise errors[0]
