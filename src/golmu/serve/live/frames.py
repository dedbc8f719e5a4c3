"""What the page sees of a training: its curve, its speed, and what the network of the moment makes of the images."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import LabelledImages
from golmu.engines import create_engine
from golmu.engines.contract import AVERAGE, Engine
from golmu.errors import InputError
from golmu.metrics import confusion_matrix
from golmu.runs.job import TrainingJob
from golmu.serve.live.curve import Curve
from golmu.training.history import Progress

FRAME_SECONDS = 0.2
"""Seconds between two frames while a training runs, at least."""

SLICE_SECONDS = 0.08
"""Seconds between two looks at a training: short enough for five frames a second that come evenly."""

JUDGE_SECONDS = 0.004
"""Seconds that each frame spends on judging validation images."""

REST_SECONDS = 0.04
"""Seconds that judging takes at a time while the training rests."""

COST_SHARE = 0.05
"""The share of a training's time that its frames may take: where one costs more, there are fewer of them."""

RATE_SECONDS = 2.0
"""Seconds of training over which its speed is measured."""

MAX_KERNELS_SHOWN = 64
"""Kernels of the first block in a frame, at most."""

MAX_MAP_VALUES = 2**18
"""Values of the feature maps in a frame, at most: fewer kernels' maps of large images."""

MAX_CONFUSION_CLASSES = 100
"""Classes up to which a frame has a confusion matrix."""

Frame = tuple[dict[str, Any], Mapping[str, NDArray[Any]]]
"""The values and the arrays of a frame."""


class Watch:
    """What the page sees of one training; the thread that trains uses it, between two slices.

    Parameters
    ----------
    job
        The training, on a data set with validation images.
    pinned
        The number of the validation image whose feature maps are shown.
    """

    def __init__(self, job: TrainingJob, pinned: int) -> None:
        assert job.images.validation is not None
        self.curve = Curve()
        self.epoch_steps: list[int] = []
        """Batches trained at the end of each epoch."""
        self.n_batches = 0
        """Batches trained in all."""
        self.batches = max(1, job.data.n_images // job.training.recipe.batch_size)
        """Batches of the running epoch."""
        self._training, self._images = job.training, job.images.validation
        self._pinned = 0
        self.pin(pinned)
        self._judging = _Judging(self._images, job.training.engine.architecture.n_classes)
        self._averaged: Engine | None = None
        self._seen = 0  # samples of the running epoch
        self._looked: float | None = None
        self._busy: deque[tuple[float, int]] = deque()  # seconds and images of the last slices
        self._spent = self._trained = 0.0  # seconds for frames, and for all, since training went on
        self._framed = -np.inf
        self.slice_length = 1
        """Batches of a slice that takes about `SLICE_SECONDS`."""
        self.is_finished = False
        """Whether the weights that count are in place."""
        self.is_diverged = False
        """Whether the weights are no longer finite, so that the curve is all that there is to see."""

    def pin(self, index: int) -> None:
        """Show the feature maps of another validation image, if there is one of that number."""
        if index < len(self._images):
            self._pinned = index

    def resume(self) -> None:
        """Note that training goes on after a pause, which does not count as time of training."""
        self._looked = time.perf_counter()
        self._spent = self._trained = 0.0

    def note(self, progress: Progress) -> None:
        """Note what the callbacks of the training are told."""
        now, n = time.perf_counter(), len(progress.batch_losses)
        self.add_losses(progress.batch_losses)
        at = progress.samples or progress.samples_per_epoch
        n_images, self._seen = at - self._seen, progress.samples
        if n and n_images:
            self.batches = max(1, round(progress.samples_per_epoch * n / n_images))
        if self._looked is not None:
            seconds = now - self._looked
            self._trained += seconds
            self._busy.append((seconds, n_images))
            while len(self._busy) > 1 and sum(one for one, _ in self._busy) > RATE_SECONDS:
                self._busy.popleft()
            if n and progress.samples:  # the last slice of an epoch has its validation in it
                self.slice_length = max(1, round(SLICE_SECONDS * n / seconds))
        self._looked = now
        if progress.samples == 0:
            self.epoch_steps.append(self.n_batches)
        self._judging.note_change()

    def add_losses(self, losses: NDArray[np.float32]) -> None:
        """Add the losses of the next batches to the curve."""
        self.curve.add(losses)
        self.n_batches += len(losses)

    @property
    def rate(self) -> float:
        """Images per second, over the last seconds."""
        seconds = sum(one for one, _ in self._busy)
        return sum(n for _, n in self._busy) / seconds if seconds else 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time for a frame while the training runs, and its cost is within bounds."""
        return self._spent <= COST_SHARE * self._trained and time.perf_counter() - self._framed >= FRAME_SECONDS

    @property
    def is_judged(self) -> bool:
        """Whether all validation images are judged by the weights of this moment."""
        return self.is_diverged or self._judging.is_complete

    def judge(self) -> None:
        """Judge some more validation images, all of them by the weights of this moment, while the training rests."""
        self._judging.go_on(self._engine(), REST_SECONDS, is_fresh=True)

    def summary(self) -> dict[str, Any]:
        """Return how far the training has come, in numbers that it changes no more."""
        training, history = self._training, self._training.history
        return {
            "epoch": training.epoch,
            "epochs": training.recipe.epochs,
            "batch": training.batch,
            "batches": self.batches,
            "steps": self.n_batches,
            "loss": self.curve.last,
            "epoch_steps": list(self.epoch_steps),
            "train_losses": list(history.losses),
            "val_losses": list(history.val_losses),
            "val_accuracies": list(history.val_accuracies),
        }

    def frame(self, first_point: int) -> Frame:
        """Return a frame with the points of the curve from `first_point` on, and note what it costs."""
        started = time.perf_counter()
        steps, losses = self.curve.points(first_point)
        arrays: dict[str, NDArray[Any]] = {"losses": losses, "steps": steps}
        high = 0.0
        if not self.is_diverged:
            engine = self._engine()
            self._judging.go_on(engine, JUDGE_SECONDS, is_fresh=False)
            arrays["kernels"] = first_kernels(engine)
            arrays["maps"], high = first_maps(engine, self._images.images[self._pinned])
            if self._judging.counts is not None:
                arrays["confusion"] = self._judging.counts.astype(np.int32)
        values = {
            **self.summary(),
            "rate": round(self.rate, 1),
            "first_point": first_point,
            "pinned": self._pinned,
            "maps_low": 0.0,
            "maps_high": high,
            "judging_pass": self._judging.n_passes,
            "n_judged": self._judging.n_judged,
            "is_judged": self.is_judged,
        }
        self._framed = time.perf_counter()
        self._spent += self._framed - started
        return values, arrays

    def _engine(self) -> Engine:
        """The network whose answers count: the training's own, or a second one where the weights are averaged."""
        engine = self._training.engine
        if AVERAGE not in engine.slot_names:
            return engine
        if self._averaged is None:
            self._averaged = create_engine("fused", engine.architecture, 1, engine.preprocessing)
        self._averaged.set_weights(self._training.weights(is_finished=self.is_finished))
        return self._averaged


def first_kernels(engine: Engine) -> NDArray[np.float32]:
    """Return the kernels of the first block, (3, 3, c, K), at most `MAX_KERNELS_SHOWN`."""
    return engine.get_weights()["conv_w"][..., :MAX_KERNELS_SHOWN]


def first_maps(engine: Engine, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """Return the first block's maps (h, w, K) of an image after ReLU, from 0 to 255, and what 255 stands for."""
    n = min(MAX_KERNELS_SHOWN, max(1, MAX_MAP_VALUES // image[..., 0].size))
    maps = np.maximum(engine.feature_maps(image[None])[0][..., :n], 0)
    high = float(maps.max())
    if not np.isfinite(high):
        return np.zeros(maps.shape, np.uint8), 0.0
    return np.rint(maps * np.float32(255 / (high or 1))).astype(np.uint8), high


class _Judging:
    """The confusion matrix of the validation images, which fills a few images at a time and then begins again."""

    def __init__(self, images: LabelledImages, n_classes: int) -> None:
        self.counts: NDArray[np.int64] | None = None
        """(C, C): row = true class, column = predicted class; None for very many classes."""
        self.n_judged = 0
        """Images that are judged in this pass."""
        self.n_passes = 0
        """Passes that have begun."""
        self._images, self._n_classes = images, n_classes
        self._per_image = JUDGE_SECONDS / 100
        self._is_of_this_moment = False
        self._begin()

    def _begin(self) -> None:
        if self._n_classes <= MAX_CONFUSION_CLASSES:
            self.counts = np.zeros((self._n_classes, self._n_classes), np.int64)
        self.n_judged, self._is_of_this_moment = 0, True
        self.n_passes += 1

    def note_change(self) -> None:
        """Note that the weights have changed."""
        self._is_of_this_moment = False

    @property
    def is_complete(self) -> bool:
        """Whether all images are judged by the weights of this moment."""
        return self.counts is None or (self._is_of_this_moment and self.n_judged == len(self._images))

    def go_on(self, engine: Engine, seconds: float, *, is_fresh: bool) -> None:
        """Judge the next images for so many seconds, about.

        The pass begins again if all are judged, or if it must be `is_fresh`, of the weights of this moment alone.
        """
        if self.counts is None or self.is_complete:
            return
        if self.n_judged == len(self._images) or (is_fresh and not self._is_of_this_moment):
            self._begin()
        started, first = time.perf_counter(), self.n_judged
        part = slice(first, first + max(32, round(seconds / self._per_image)))
        labels = self._images.labels[part]
        try:
            said = engine.logits(self._images.images[part]).argmax(axis=1)
        except InputError:  # the weights are not finite: it is about to diverge
            said = np.zeros(len(labels), np.int64)
        self.counts += confusion_matrix(labels, said, self._n_classes)
        self.n_judged += len(labels)
        self._per_image = max(1e-9, (time.perf_counter() - started) / len(labels))
