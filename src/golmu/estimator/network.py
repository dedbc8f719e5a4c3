"""`ConvolutionNetwork`: the estimator a user holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import exceptions
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import validate_data

from golmu.architecture import Architecture, Weights
from golmu.checks import boolean, positive_integer
from golmu.data import inputs
from golmu.engines import create_engine
from golmu.engines.contract import Engine, Labels
from golmu.errors import GolmuError, InputError, InputTypeError
from golmu.estimator.learned import Learned
from golmu.estimator.parameters import RecipeParameters
from golmu.estimator.partial_fit import IncrementalTraining
from golmu.estimator.sample_weight import as_sample_weight, importance
from golmu.estimator.summary import Display
from golmu.metrics import log_softmax, softmax
from golmu.model.model import Model, load_model, save_model
from golmu.preprocessing import Images, Preprocessing
from golmu.runs.fitting import Samples, as_folder, begun_preprocessing, describe, fit_in_folder
from golmu.training import loop as training
from golmu.training.interruption import Interruption

if TYPE_CHECKING:
    from typing import Self


class NotFittedError(GolmuError, exceptions.NotFittedError):  # type: ignore[misc]
    """The network has no weights yet. It is scikit-learn's error of this name too."""

    exit_code = 2


class ConvolutionNetwork(RecipeParameters, IncrementalTraining, Learned, Display, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One 3×3 convolution, ReLU, 2×2 max pooling, a dense layer with ReLU, and a softmax over the classes.

    A scikit-learn classifier of small images, with the methods of the chapter beside scikit-learn's.

    Parameters
    ----------
    n_kernels
        Number of 3×3 kernels.
    units
        Number of units of the hidden dense layer.
    batch_size
        Samples a step. Epochs use full batches only; fewer samples than this make one batch.
    learning_rate
        Step size, at its highest. `optimizer="adam"` wants about 0.001.
    engine
        What computes: see `golmu.engines`. After fitting, `engine_` names the one that ran.
    n_threads
        Threads at most that the fused engine uses; by default one for each core that the process may use. The bits
        of every result are the same for any number.
    random_state
        Fixes the initial weights, the order of the samples, and all other chance: an integer, a `RandomState` or a
        `Generator`; None: each `fit` is another.
    record_loss
        `"after"`: an epoch's loss in `losses` is the mean of each batch's loss after its update, as in the chapter.
        `"before"`: it comes from the update's own forward pass, as Keras reports it, and a third of the work is saved.
    patience
        Training stops when the validation loss has not improved for this many epochs, and the best epoch's weights
        are restored; `fit` then needs `x_val` and `y_val`, which searches do not pass. None: it goes on to the end, and
        the last epoch's weights stay.
    epochs
        Passes over the samples, where `fit` is not told.
    image_shape
        (h, w) or (h, w, c) of flattened images that are not square and grey; None: whatever `fit` is given.
    class_weight
        How much the samples of each class count in training: None, all alike; "balanced", each class alike, whatever
        its number of samples; or a dict from labels to numbers.
    warm_start
        Whether `fit` goes on from the weights that there are, with a new schedule and optimizer, and adds to `losses`.
    optimizer, momentum, weight_decay, schedule, warmup, final_rate, final_batch_size, label_smoothing
    feature_dropout, hidden_dropout, flip, shift, erase, ema, average_epochs, test_flip, standardize
        How training goes beyond the chapter, and what is made of an image: see `golmu.Recipe`. By default nothing.

    Attributes
    ----------
    losses, val_losses
        A float an epoch: training and validation loss; scikit-learn calls the former `loss_curve_`. The latter is NaN
        for epochs without validation images that others with them follow.
    history_
        The same with validation accuracy and seconds (`golmu.training.History`).
    conv_w, conv_b, w1, b1, w2, b2
        Copies of the weights, float32: (3, 3, c, K), (K,), (D, U), (U,), (U, C), (C,).
    classes_
        The sorted labels; for one-hot labels their indices.
    engine_
        Name of the engine that holds the weights.
    n_iter_
        Number of epochs trained.
    best_epoch_
        With patience, the epoch whose weights these are, counted from 1; else the last one.
    n_features_in_
        Number of values of an image, h·w·c.
    feature_names_in_
        The names of the columns, where `fit` was given a data frame of flattened images.

    Images `x`, wherever they are taken, are (n, h, w, c), (n, h, w), or flattened (n, h·w·c); floats should lie in
    [0, 1], and integers from 0 to 255 are scaled by 1/255 inside. Labels `y` are integers, strings, or one-hot.

    Examples
    --------
    >>> import numpy as np
    >>> from golmu import ConvolutionNetwork
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.integers(0, 256, (64, 8, 8), np.uint8), np.arange(64) % 2
    >>> network = ConvolutionNetwork(n_kernels=2, units=4, random_state=0).fit(x, y, epochs=2)
    >>> network.predict(x[:3]).shape
    (3,)
    """

    # Images are called x here, as in the chapter; scikit-learn must not take them for metadata.
    __metadata_request__fit: ClassVar = {"x": UNUSED}
    __metadata_request__partial_fit: ClassVar = {"x": UNUSED}
    __metadata_request__predict: ClassVar = {"x": UNUSED}
    __metadata_request__predict_proba: ClassVar = {"x": UNUSED}
    __metadata_request__score: ClassVar = {"x": UNUSED}

    # Training

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        epochs: int | None = None,
        x_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        callback: training.Callback | None = None,
        run: str | Path | None = None,
        resume: str | Path | None = None,
        allow_inexact: bool = False,
    ) -> Self:
        """Initialises the weights, unless `warm_start` keeps them, then trains.

        Ctrl-C ends training within a quarter of a second, between two batches: the network is then fitted and usable,
        and `KeyboardInterrupt` is raised. A second Ctrl-C ends it at once.

        Parameters
        ----------
        x, y
            Training images and labels.
        epochs
            Passes over them, in all; by default the parameter `epochs`.
        x_val, y_val
            Validation images and labels, both or neither, on which loss and accuracy are taken after each epoch.
        sample_weight
            (n,) numbers of at least 0: how much each image counts, on top of `class_weight`. Only their ratios matter.
        callback
            Called with a `golmu.training.Progress` several times an epoch.
        run
            An empty or new folder in which the training is kept: a checkpoint after every epoch and every minute, and
            at the end the model, the history and the curves. Ctrl-C and SIGTERM write a checkpoint too.
        resume
            The folder of a training that is to go on where its checkpoint stands, with the same images, labels and
            settings; `epochs` may be larger than it was, unless a schedule or an average ends with the last. The result
            is bit for bit that of an uninterrupted training.
        allow_inexact
            Whether `resume` may use another engine, or, with TensorFlow, other threads; the bits are then others.

        Raises
        ------
        InputError, InputTypeError
            If an argument or a setting of the estimator cannot be used.
        TrainingError
            If the loss becomes NaN or infinite. The weights are then those of the last step, or their average.
        RunError, CheckpointError, SaveError
            If the folder is in use, or cannot be gone on with, read or written.
        """
        recipe = self._recipe(epochs)
        images = self._images(x, is_new=True)
        label_array = inputs.as_label_array(y, len(images))
        classes = inputs.find_classes(label_array)
        labels = inputs.encode(label_array, classes)
        counts = importance(sample_weight, self.class_weight, labels, classes)
        validation = None
        if x_val is not None or y_val is not None:
            if x_val is None or y_val is None:
                raise InputTypeError("x_val and y_val must be given together, or not at all")
            val_images = inputs.as_images(x_val, images.shape[1:], argument="x_val")
            val_array = inputs.as_label_array(y_val, len(val_images), argument="y_val")
            validation = val_images, inputs.encode(val_array, classes, argument="y_val")
        if callback is not None and not callable(callback):
            raise InputTypeError(f"callback must be a function of a golmu.training.Progress, or None, got {callback!r}")
        boolean(allow_inexact, "allow_inexact")
        run_folder, resumed_folder = as_folder(run, "run"), as_folder(resume, "resume")
        if run is not None and resume is not None:
            raise InputTypeError("run names a new folder, and resume one to go on in: give one of them")
        if recipe.patience is not None and validation is None:
            raise InputError("patience needs validation images: pass x_val and y_val, or leave patience out")
        training.refuse_hiding(images.shape[1:], recipe)
        training.warn_of_small_data(len(images), recipe)

        is_warm = boolean(self.warm_start, "warm_start") and resume is None  # a checkpoint says all
        earlier = self._continued(images.shape[1:], classes) if is_warm else None
        if earlier is None:
            preprocessing = begun_preprocessing(resumed_folder) or Preprocessing.of(
                images, standardize=recipe.standardize, test_flip=recipe.test_flip
            )
            self._start(images.shape[1:], classes, preprocessing)
        self._note_features(x)
        running = training.Training(self._engine, recipe, self._order_rng)
        self.history_ = running.history
        callbacks = [] if callback is None else [callback]
        samples = Samples(images, labels, validation, classes, counts)
        try:
            if run is None and resume is None:
                with Interruption(and_termination=False) as interruption:
                    running.run(*samples.prepared(self._engine), recipe.epochs, [*callbacks, interruption])
            else:
                fit_in_folder(
                    samples, running, self.architecture_, callbacks, run=run_folder, resume=resumed_folder,
                    allow_inexact=allow_inexact,
                    random_state=self.random_state if earlier is None else None,  # which gave no initial weights
                    beside=describe(
                        self.image_shape, self.class_weight, is_weighted=sample_weight is not None,
                        is_continued=earlier is not None,
                    ),
                )  # fmt: skip
        except BaseException:
            running.settle(is_finished=False)
            raise
        finally:
            self.history_ = running.history  # another one, where a checkpoint was restored
            self.best_epoch_ = running.epoch if running.best is None else running.best.epoch
            if earlier is not None:
                self.best_epoch_ += len(earlier.losses)
                self.history_ = earlier.followed_by(running.history)
        return self

    def init_weights(self, input_shape: tuple[int, ...], n_classes: int) -> None:
        """Gives the network Glorot uniform weights and zero biases for these images and this number of classes.

        There are no images yet to standardize by, so that only `fit` heeds `standardize`.

        Parameters
        ----------
        input_shape
            (h, w, c), or with the number of images before it, which does not matter.
        n_classes
            Number of classes; their labels are 0 to n_classes − 1.
        """
        try:
            shape = tuple(input_shape)
        except TypeError as error:
            raise InputTypeError(f"input_shape must be (h, w, c) or (n, h, w, c), got {input_shape!r}") from error
        if len(shape) not in (3, 4):
            raise InputError(f"input_shape must be (h, w, c) or (n, h, w, c), got {shape}")
        classes = np.arange(positive_integer(n_classes, "n_classes"))
        self._start(shape[-3:], classes, Preprocessing(test_flip=boolean(self.test_flip, "test_flip")))

    # Using the network

    def forpass(self, x: ArrayLike) -> NDArray[np.float32]:
        """Logits (n, classes) of the images."""
        self._check_ready()
        return self._engine.logits(self._images(x))

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float32]:
        """Probabilities (n, classes) of the images, in the order of `classes_`; each row sums to 1."""
        return softmax(self.forpass(x))

    def predict_log_proba(self, x: ArrayLike) -> NDArray[np.float32]:
        """Logarithms of the probabilities (n, classes) of the images."""
        return log_softmax(self.forpass(x))

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """The most probable label of each image, as the labels were given to `fit` (one-hot: indices)."""
        indices = self.forpass(x).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[indices]
        return labels

    def score(self, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy: the share of the images that are predicted right, each counting as `sample_weight` (n,) says.

        A label that the network does not know is one that it gets wrong.
        """
        self._check_ready()
        images = self._images(x)
        labels = inputs.encode(inputs.as_label_array(y, len(images)), self.classes_, may_be_unknown=True)
        weights = None if sample_weight is None else as_sample_weight(sample_weight, len(labels))
        return float(np.average(self._engine.logits(images).argmax(axis=1) == labels, weights=weights))

    def get_loss(self, x: ArrayLike, y: ArrayLike) -> float:
        """Softmax cross-entropy, mean over the images."""
        images, labels = self._images_and_labels(x, y)
        return self._engine.evaluate(self._engine.prepare(images, labels)).loss

    def gradients(self, x: ArrayLike, y: ArrayLike) -> tuple[float, Weights]:
        """Mean loss of the batch, and its gradient with respect to each weight, in the weights' shapes."""
        images, labels = self._images_and_labels(x, y)
        return self._engine.gradients(images, labels)

    # Weights and files

    def get_weights(self) -> Weights:
        """Copies of all weights by name, float32, in the canonical shapes (`golmu.architecture`)."""
        self._check_ready()
        return self._engine.get_weights()

    def set_weights(self, weights: Mapping[str, ArrayLike]) -> None:
        """Puts weights in place of the present ones; all six, in the canonical shapes, finite."""
        self._check_ready()
        self._engine.set_weights(self.architecture_.checked(weights))
        self._forget_steps()

    def save(self, path: str | Path, *, class_names: tuple[str, ...] | None = None) -> None:
        """Writes weights, sizes and labels as a safetensors file, atomically.

        `class_names` are what people call the classes, in the order of `classes_`; by default the labels themselves.

        Raises
        ------
        SaveError
            If the file cannot be written.
        """
        self._check_ready()
        names = tuple(str(label) for label in self.classes_) if class_names is None else tuple(class_names)
        if len(names) != len(self.classes_):
            raise InputError(f"class_names has {len(names)} names for {len(self.classes_)} classes")
        save_model(Path(path), self._model(names))

    @classmethod
    def load(cls, path: str | Path, *, engine: str = "auto") -> Self:
        """The network that `save` wrote, ready to predict and to be trained further by `training`.

        A file says what the network is, not how it was trained: the parameters of training have their defaults.

        Raises
        ------
        CheckpointError
            If the file is missing, damaged, or not a model of Golmu.
        """
        model = load_model(Path(path))
        architecture = model.architecture
        network = cls(architecture.n_kernels, architecture.units, engine=engine)
        network.test_flip = model.preprocessing.test_flip
        network.standardize = bool(model.preprocessing.mean)
        if (architecture.width, architecture.channels) != (architecture.height, 1):
            network.image_shape = architecture.image_shape
        network._start(architecture.image_shape, model.classes, model.preprocessing)
        network._engine.set_weights(model.weights)
        network.best_epoch_ = model.epoch
        return network

    # Inside

    def _start(self, image_shape: tuple[int, ...], classes: NDArray[Any], preprocessing: Preprocessing) -> None:
        """Fresh weights, history and random generators for these images and classes."""
        height, width, channels = image_shape
        architecture = Architecture(height, width, channels, self.n_kernels, self.units, len(classes))
        engine, order_rng = training.begin(architecture, self.engine, self._threads(), self.random_state, preprocessing)
        self.best_epoch_ = 0
        self.architecture_: Architecture = architecture
        self.classes_ = classes
        self.history_ = training.History()
        self.engine_ = engine.name
        self.n_features_in_ = int(np.prod(architecture.image_shape))
        self._engine: Engine = engine
        self._order_rng: np.random.Generator = order_rng
        self._forget_steps()
        self._draw_rng: np.random.Generator = order_rng.spawn(1)[0]

    def _model(self, class_names: tuple[str, ...]) -> Model:
        return Model(
            self.architecture_, self.get_weights(), self.classes_, class_names, self._engine.preprocessing,
            self.best_epoch_,
        )  # fmt: skip

    def _threads(self) -> int | None:
        return None if self.n_threads is None else positive_integer(self.n_threads, "n_threads")

    @property
    def _is_ready(self) -> bool:
        return "_engine" in vars(self)

    def _check_ready(self) -> None:
        if not self._is_ready:
            raise NotFittedError(
                f"this {type(self).__name__} has no weights yet: call fit, or init_weights, before using it"
            )

    def _continued(self, image_shape: tuple[int, ...], classes: NDArray[Any]) -> training.History | None:
        """Starts anew with the weights that there are, and gives the history so far; None if there are no weights."""
        if not self._is_ready:
            return None
        before, weights, history = self.architecture_, self._engine.get_weights(), self.history_
        height, width, channels = image_shape
        now = Architecture(height, width, channels, self.n_kernels, self.units, len(classes))
        differences = before.differences(now)
        if not np.array_equal(classes, self.classes_):
            differences.append(f"its classes are {self.classes_.tolist()}, not {classes.tolist()}")
        if differences:
            raise InputError(
                f"warm_start cannot go on with this network: {'; '.join(differences)}. Set warm_start=False to begin "
                "anew"
            )
        preprocessing = self._engine.preprocessing
        if bool(preprocessing.mean) != self.standardize:
            raise InputError(
                f"warm_start cannot go on with this network: its images are {'' if preprocessing.mean else 'not '}"
                f"standardized, but standardize is {self.standardize}. Set it to {not self.standardize}, or "
                "warm_start=False to begin anew"
            )
        self._start(image_shape, classes, replace(preprocessing, test_flip=self.test_flip))
        self._engine.set_weights(weights)
        return history

    def _note_features(self, x: ArrayLike) -> None:
        """Keeps the names of a data frame's columns, once nothing can be refused any more."""
        self.__dict__.pop("feature_names_in_", None)
        if getattr(x, "ndim", None) == 2:
            validate_data(self, x, reset=True, skip_check_array=True)

    def _images(self, x: ArrayLike, argument: str = "x", *, is_new: bool = False) -> Images:
        """Images of the network's shape; if they are new, of the shape that the network is to have."""
        if not is_new and getattr(x, "ndim", None) == 2 and not hasattr(x, "toarray"):
            inputs.refuse_one_image(x, self.architecture_.image_shape, argument)
            try:
                validate_data(self, x, reset=False, skip_check_array=True)
            except ValueError as error:
                raise InputError(str(error)) from error
        shape = inputs.as_image_shape(self.image_shape) if is_new else self.architecture_.image_shape
        return inputs.as_images(x, shape, argument=argument, stacklevel=5, are_learned=is_new)

    def _images_and_labels(self, x: ArrayLike, y: ArrayLike) -> tuple[Images, Labels]:
        self._check_ready()
        images = self._images(x)
        return images, inputs.encode(inputs.as_label_array(y, len(images)), self.classes_)

    def __sklearn_is_fitted__(self) -> bool:
        return self._is_ready

    def __getstate__(self) -> dict[str, Any]:
        """An engine holds buffers and graphs that cannot be copied: its weights stand for it."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "_engine" in state:
            state["_engine"] = self._engine.get_weights(), self._engine.get_slots(), self._engine.preprocessing
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        kept = state.pop("_engine", None)
        super().__setstate__(state)
        if kept is not None:
            weights, slots, preprocessing = kept
            self._engine = create_engine(self.engine_, self.architecture_, self._threads(), preprocessing)
            self._engine.set_weights(weights)
            self._engine.set_slots(slots)
