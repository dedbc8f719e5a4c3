"""Training outside `fit`: a step, or a pass over a part of the data, from the present weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golmu.architecture import Architecture
from golmu.checks import positive_integer
from golmu.data import inputs
from golmu.data.sample_weight import importance_in_part
from golmu.engines.contract import Batches, Engine
from golmu.errors import InputError
from golmu.preprocessing import Preprocessing
from golmu.recipe import Recipe
from golmu.training.batching import batches, generators, pass_orders, refuse_hiding, warn_if_one_batch
from golmu.training.history import History
from golmu.training.loop import check_finite
from golmu.types import Images, Importance, Labels

if TYPE_CHECKING:
    from typing import Self


class IncrementalTraining:
    """Training step by step; optimizers continue from one call to the next."""

    if TYPE_CHECKING:  # of the class that this is mixed into
        batch_size: int
        class_weight: Any
        random_state: Any
        classes_: NDArray[Any]
        history_: History
        best_epoch_: int
        n_kernels: int | tuple[int, ...]
        units: int
        architecture_: Architecture
        _are_integers: bool | None
        _engine: Engine
        _order_rng: np.random.Generator
        _draw_rng: np.random.Generator

        @property
        def _is_ready(self) -> bool: ...
        def _recipe(self, epochs: int | None = None) -> Recipe: ...
        def _images(self, x: ArrayLike, argument: str = "x", *, is_new: bool = False) -> Images: ...
        def _note_features(self, x: ArrayLike) -> None: ...
        def _images_and_labels(self, x: ArrayLike, y: ArrayLike) -> tuple[Images, Labels]: ...
        def _start(self, image_shape: tuple[int, ...], classes: NDArray[Any], preprocessing: Preprocessing) -> None: ...

    def training(self, x: ArrayLike, y: ArrayLike) -> float:
        """Make one step on one batch at the full learning rate; return the batch's mean loss before the update.

        Optimizer, dropout and augmentation are the parameters'; there is neither schedule nor averaging.
        """
        images, labels = self._images_and_labels(x, y)
        return float(self._steps(images, labels, [np.arange(len(images))[None]])[0])

    def partial_fit(
        self, x: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Make one pass over these images in shuffled batches, from the present weights; the last batch may be smaller.

        The learning rate is the full one throughout, since the number of passes to come is not known: `schedule`,
        `warmup`, `final_rate`, `final_batch_size`, `ema`, `average_epochs`, `patience` and `epochs` are for `fit`
        alone; `standardize` and `test_flip` have the values of the first call. An entry is added to `losses`: the mean
        over the images of their losses before the updates.

        Parameters
        ----------
        x, y
            Images and labels.
        classes
            All labels that will ever come; needed at the first call, unless `y` holds them all. The first call also
            fixes the images' shape and, with `standardize`, their mean and deviation.
        sample_weight
            (n,) numbers of at least 0: how much each image counts, where 1 is an image without a weight. Neither they
            nor `class_weight` are scaled as in `fit`, so that an image counts the same whatever comes with it.

        Raises
        ------
        InputError, InputTypeError
            If an argument or a setting cannot be used, or `classes`, `n_kernels` or `units` differ from those of the
            first call.
        TrainingError
            If the loss becomes NaN or infinite.
        """
        recipe = self._recipe()
        is_first = not self._is_ready
        if not is_first:
            self._refuse_another_network()
        images = self._images(x, is_new=is_first)
        refuse_hiding(images.shape[1:], recipe)
        label_array = inputs.as_label_array(y, len(images))
        known = self._known_classes(classes, label_array)
        labels = inputs.encode(label_array, known)
        counts = importance_in_part(sample_weight, self.class_weight, labels, known)
        if is_first:
            preprocessing = Preprocessing.of(images, standardize=recipe.standardize, test_flip=recipe.uses_test_flip)
            self._start(images.shape[1:], known, preprocessing)
            self._note_features(x)
            self._are_integers = images.dtype == np.uint8
        orders = pass_orders(len(images), recipe.batch_size, self._order_rng)
        losses = self._steps(images, labels, orders, counts)
        check_finite(losses, len(self.history_.losses), 0, recipe.learning_rate)
        sizes = np.concatenate([np.full(len(order), order.shape[1]) for order in orders])
        self.history_.losses.append(float(np.average(losses, weights=sizes)))
        self.best_epoch_ = len(self.history_.losses)
        return self

    def gen_batch(self, x: ArrayLike, y: ArrayLike) -> Iterator[tuple[NDArray[np.generic], NDArray[np.generic]]]:
        """Yield the images and labels in shuffled full batches of `batch_size`, in a new order at each call.

        Before there are weights, each call takes the order from `random_state` again.
        """
        batch_size = positive_integer(self.batch_size, "batch_size")
        images = self._images(x, is_new=not self._is_ready)
        labels = inputs.as_label_array(y, len(images))
        warn_if_one_batch(len(images), batch_size)
        rng = self._order_rng if self._is_ready else generators(self.random_state)[1]
        return batches(images, labels, batch_size, rng)

    def _steps(
        self, images: Images, labels: Labels, orders: list[NDArray[np.int64]], counts: Importance | None = None
    ) -> NDArray[np.float32]:
        """Make a step for each row of each of the `orders`; return the losses before the steps."""
        recipe = self._recipe()
        if self._stepped != recipe.optimizer:
            self._forget_steps(recipe.optimizer)
        method = replace(recipe.method, record_loss="before")
        data = self._engine.prepare(images, labels, counts)
        losses = []
        for order in orders:
            seed = int(self._draw_rng.integers(2**32)) if recipe.draws else 0
            batches = Batches.at(recipe.learning_rate, order, first_step=self._n_steps, seed=seed)
            losses.append(self._engine.train(data, batches, method))
            self._n_steps += len(order)
        return np.concatenate(losses)

    def _refuse_another_network(self) -> None:
        """Raise `InputError` if a parameter that fixes the weights has changed since they were made."""
        present = self.architecture_
        differences = present.differences(replace(present, n_kernels=self.n_kernels, units=self.units))
        if differences:
            raise InputError(
                f"partial_fit cannot continue with this network: {'; '.join(differences)}. Set it back, or call fit to "
                "start again"
            )

    def _forget_steps(self, optimizer: str | None = None) -> None:
        """Forget the optimizer's moments: they mean nothing to another optimizer, nor to other weights."""
        self._engine.set_slots({})
        self._stepped, self._n_steps = optimizer, 0

    def _known_classes(self, classes: ArrayLike | None, labels: NDArray[Any]) -> NDArray[Any]:
        if not self._is_ready:
            return inputs.find_classes(labels) if classes is None else inputs.as_classes(classes)
        if classes is not None and not np.array_equal(inputs.as_classes(classes), self.classes_):
            raise InputError(
                f"classes must be those of the first call, {self.classes_.tolist()}, or left out, got {classes!r}"
            )
        return self.classes_
