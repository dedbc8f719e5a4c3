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

from golmu.architecture import Architecture
from golmu.checks import as_path, boolean, integer_within, positive_integer
from golmu.data import inputs
from golmu.data.sample_weight import as_sample_weight, importance
from golmu.engines import create_engine
from golmu.engines.contract import Engine
from golmu.errors import GolmuError, InputError, InputTypeError
from golmu.estimator.fit_place import FitPlace
from golmu.estimator.parameters import RecipeParameters, document_parameters
from golmu.estimator.partial_fit import IncrementalTraining
from golmu.estimator.summary import layer_table, summary_html
from golmu.metrics import log_softmax, softmax
from golmu.model.model import ImageFileOptions, Model, load_model, save_model
from golmu.model.predictor import Predictor
from golmu.preprocessing import Preprocessing
from golmu.recipe import Recipe
from golmu.runs.job import TrainingData, TrainingJob
from golmu.runs.record import FitRecord
from golmu.system import MAX_THREADS
from golmu.training.batching import refuse_hiding, warn_of_small_data
from golmu.training.history import Callback, History
from golmu.training.loop import Training, begin
from golmu.types import Images, Labels, Weights

if TYPE_CHECKING:
    from typing import Self


class NotFittedError(GolmuError, exceptions.NotFittedError):  # type: ignore[misc]
    """The network has no weights yet. This is also scikit-learn's error of the same name."""

    exit_code = 2


def _weight(name: str) -> property:
    """Make the attribute that is a copy of the weight called `name`."""

    def weight(network: ConvolutionNetwork) -> NDArray[np.float32]:
        weights = network.get_weights()
        if name not in weights:
            raise AttributeError(f"there is no {name}: the network's weights are {', '.join(weights)}")
        return weights[name]

    return property(weight)


@document_parameters
class ConvolutionNetwork(RecipeParameters, IncrementalTraining, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One 3×3 convolution, ReLU, 2×2 max pooling, a dense layer with ReLU, and a softmax over the classes.

    With several numbers of kernels there are as many blocks of convolution, ReLU and pooling, one after another; each
    halves height and width. Height and width of the images must be at least 2 to the power of the number of blocks.

    A scikit-learn classifier of small images, with the chapter's methods beside scikit-learn's.

    Parameters
    ----------
    {recipe}
    engine : str, default "auto"
        What computes: see `golmu.engines`. After fitting, `engine_` names the engine that ran.
    n_threads : int, optional
        Threads at most that the fused engine uses; by default one for each core that the process may use. The bits
        of every result are the same for any number.
    random_state : int, RandomState or Generator, optional
        Fixes the initial weights, the order of the samples, and all other chance. None: each `fit` differs.
    image_shape : tuple, optional
        (h, w) or (h, w, c) of flattened images that are not square and grey; None: the shape that `fit` is given.
    class_weight : "balanced" or dict, optional
        How much the samples of each class count in training: None, all alike; "balanced", each class alike, whatever
        its number of samples; or a dict from labels to weights.
    warm_start : bool, default False
        Whether `fit` continues from the present weights, with a new schedule and optimizer, and extends `losses`.

    Attributes
    ----------
    losses, val_losses
        Training and validation loss of each epoch, as floats; scikit-learn calls the former `loss_curve_`. Epochs
        without validation images that are followed by epochs with them have NaN.
    history_
        The same with validation accuracy and seconds (`golmu.training.History`).
    conv_w, conv_b, w1, b1, w2, b2
        Copies of the weights, float32: (3, 3, c, K), (K,), (D, U), (U,), (U, C), (C,). Of several blocks, `conv_w` and
        `conv_b` are the first block's, and `conv2_w`, `conv2_b` and so on those of the next; `get_weights` returns all.
    classes_
        The sorted labels; for one-hot labels their indices.
    class_names_
        What people call the classes, as text: the names in the model file after `load`, else the labels.
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
    predictor_
        The network as a `golmu.Predictor`, which also reads image files.

    Notes
    -----
    Images `x` are always (n, h, w, c), (n, h, w), or flattened (n, h·w·c); floats should lie in [0, 1], and integers
    from 0 to 255, of data frames of any kind too, are scaled by 1/255 inside. The columns of a data frame are put in
    the order of the numbers in their names (pixel0, pixel1, ...), with a warning if they are not in it. Labels `y` are
    integers, strings, or one-hot.

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
        callback: Callback | None = None,
        run: str | Path | None = None,
        resume: str | Path | None = None,
        allow_inexact: bool = False,
    ) -> Self:
        """Initialise the weights, unless `warm_start` keeps them, then train.

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
            An empty or new folder in which the training is recorded: a checkpoint after every epoch and every minute,
            and at the end the model, the history and the curves. Ctrl-C and SIGTERM write a checkpoint too.
        resume
            The folder of a training to continue from its last checkpoint, with the same images, labels and settings;
            `epochs` may be larger than it was, unless a schedule or an average ends with the last epoch. The result is
            bit for bit that of an uninterrupted training.
        allow_inexact
            Whether `resume` may use another engine, or, with TensorFlow, another number of threads, so that the bits
            differ.

        Raises
        ------
        InputError, InputTypeError
            If an argument or a setting of the estimator cannot be used.
        TrainingError
            If the loss becomes NaN or infinite. The weights are then those of the last step, or their average.
        RunError, CheckpointError, SaveError
            If the folder is in use, or cannot be continued, read or written.
        """
        recipe = self._recipe(epochs)
        data = self._training_data(x, y, x_val, y_val, sample_weight)
        if callback is not None and not callable(callback):
            raise InputTypeError(f"callback must be a function of a golmu.training.Progress, or None, got {callback!r}")
        place = FitPlace.of(run, resume, allow_inexact)
        if recipe.patience is not None and data.validation is None:
            raise InputError("patience needs validation images: pass x_val and y_val, or leave patience out")
        refuse_hiding(data.images.shape[1:], recipe)
        warn_of_small_data(len(data.labels), recipe)
        earlier = None
        if boolean(self.warm_start, "warm_start") and self._is_ready and resume is None:
            earlier = self._continue(data)
        else:
            self._start(data.images.shape[1:], data.classes, self._preprocessing(data.images, recipe, place))
        self._note_features(x)
        self._are_integers = data.images.dtype == np.uint8
        training = Training(self._engine, recipe, self._order_rng)
        # The seed of weights that are continued from gave other weights.
        seed = self.random_state if isinstance(self.random_state, int) and earlier is None else None
        fit = FitRecord.of(
            self.image_shape, self.class_weight, is_weighted=sample_weight is not None, is_continued=earlier is not None
        )
        job = TrainingJob.from_arrays(data, training, seed=seed, fit=fit)
        self.history_ = training.history
        try:
            place.train(job, [] if callback is None else [callback])
        except BaseException:
            training.settle(is_finished=False)
            raise
        finally:
            self._learn_from(training, earlier)
        return self

    def init_weights(self, input_shape: tuple[int, ...], n_classes: int) -> None:
        """Give the network Glorot uniform weights and zero biases for images of this shape and this number of classes.

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
        self._start(shape[-3:], classes, Preprocessing(test_flip=self._recipe().uses_test_flip))

    # Using the network

    def forpass(self, x: ArrayLike) -> NDArray[np.float32]:
        """Return the logits (n, classes) of the images."""
        self.check_fitted()
        return self._engine.logits(self._images(x))

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float32]:
        """Return the probabilities (n, classes) of the images, in the order of `classes_`; each row sums to 1."""
        return softmax(self.forpass(x))

    def predict_log_proba(self, x: ArrayLike) -> NDArray[np.float32]:
        """Return the logarithms of the probabilities (n, classes) of the images."""
        return log_softmax(self.forpass(x))

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each image, as labels were given to `fit` (one-hot: indices)."""
        indices = self.forpass(x).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[indices]
        return labels

    def score(self, x: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy: the share of the images that are predicted right, weighted by `sample_weight` (n,).

        A label that the network does not know counts as wrong.
        """
        self.check_fitted()
        images = self._images(x)
        labels = inputs.encode(inputs.as_label_array(y, len(images)), self.classes_, may_be_unknown=True)
        weights = None if sample_weight is None else as_sample_weight(sample_weight, len(labels))
        return float(np.average(self._engine.logits(images).argmax(axis=1) == labels, weights=weights))

    def get_loss(self, x: ArrayLike, y: ArrayLike) -> float:
        """Return the softmax cross-entropy, mean over the images."""
        images, labels = self._images_and_labels(x, y)
        return self._engine.evaluate(self._engine.prepare(images, labels)).loss

    def gradients(self, x: ArrayLike, y: ArrayLike) -> tuple[float, Weights]:
        """Return the mean loss of the batch, and its gradient with respect to each weight, in the weights' shapes."""
        images, labels = self._images_and_labels(x, y)
        return self._engine.gradients(images, labels)

    # Weights and files

    def get_weights(self) -> Weights:
        """Return copies of all weights by name, float32, in the canonical shapes (`golmu.architecture`)."""
        self.check_fitted()
        return self._engine.get_weights()

    def set_weights(self, weights: Mapping[str, ArrayLike]) -> None:
        """Replace the weights: all of them, in the canonical shapes, finite."""
        self.check_fitted()
        self._engine.set_weights(self.architecture_.checked(weights))
        self._forget_steps()

    def save(self, path: str | Path, *, class_names: tuple[str, ...] | None = None) -> None:
        """Write the network as a model file, atomically: weights, sizes, labels, names and preprocessing.

        `class_names` are what people call the classes, in the order of `classes_`; by default `class_names_`.

        Raises
        ------
        SaveError
            If the file cannot be written.
        """
        self.check_fitted()
        save_model(as_path(path, "path"), self._model(check_class_names(class_names, self.class_names_)))

    @classmethod
    def load(cls, path: str | Path, *, engine: str = "auto") -> Self:
        """Load a network that `save` wrote, ready to predict and to be trained further by `training`.

        A model file says what the network is, not how it was trained: the parameters of training have their defaults.

        Raises
        ------
        CheckpointError
            If the file is missing, damaged, or not a model of Golmu.
        """
        model = load_model(as_path(path, "path"))
        architecture = model.architecture
        network = cls(architecture.n_kernels, architecture.units, engine=engine)
        network.test_flip = model.preprocessing.test_flip or None  # None: it may be trained anew with flip
        network.standardize = bool(model.preprocessing.mean)
        if (architecture.width, architecture.channels) != (architecture.height, 1):
            network.image_shape = architecture.image_shape
        network._start(architecture.image_shape, model.classes, model.preprocessing)
        network._engine.set_weights(model.weights)
        network.best_epoch_ = model.epoch
        network._class_names, network._image_files = model.class_names, model.image_files
        return network

    # What it has learned

    @property
    def predictor_(self) -> Predictor:
        """The network as a `golmu.Predictor`."""
        self.check_fitted()
        return Predictor(self._model(self.class_names_), self._engine)

    @property
    def class_names_(self) -> tuple[str, ...]:
        """What people call the classes, in the order of `classes_`."""
        self.check_fitted()
        return tuple(str(label) for label in self.classes_) if self._class_names is None else self._class_names

    conv_w, conv_b, conv2_w, conv2_b, conv3_w, conv3_b, conv4_w, conv4_b, w1, b1, w2, b2 = map(
        _weight, ("conv_w", "conv_b", "conv2_w", "conv2_b", "conv3_w", "conv3_b", "conv4_w", "conv4_b",
                  "w1", "b1", "w2", "b2")
    )  # fmt: skip

    @property
    def losses(self) -> list[float]:
        self.check_fitted()
        return self.history_.losses

    @property
    def val_losses(self) -> list[float]:
        self.check_fitted()
        return self.history_.val_losses

    @property
    def loss_curve_(self) -> list[float]:
        return self.losses

    @property
    def n_iter_(self) -> int:
        return len(self.losses)

    # How it shows itself

    def summary(self) -> None:
        """Print the layers: the shape of each one's output for one image, and its number of parameters.

        Raises
        ------
        NotFittedError
            If the network has no weights yet, and so no shapes.
        """
        self.check_fitted()
        print(layer_table(self.architecture_))

    def _repr_html_(self) -> str:
        """Show the layers, and the losses if there are any; without weights, scikit-learn's diagram."""
        if not self._is_ready:
            from sklearn.utils import estimator_html_repr  # noqa: PLC0415

            return str(estimator_html_repr(self))
        return summary_html(repr(self), self.architecture_, self.engine_, self.history_, self.best_epoch_)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        """Answer Jupyter's first question as scikit-learn does, heeding its setting `display`."""
        bundle: dict[str, str] = super()._repr_mimebundle_(**options)
        if "text/html" in bundle:
            bundle["text/html"] = self._repr_html_()
        return bundle

    # Inside

    def _start(self, image_shape: tuple[int, ...], classes: NDArray[Any], preprocessing: Preprocessing) -> None:
        """Begin with fresh weights, history and random generators for images of this shape and these classes."""
        height, width, channels = image_shape
        architecture = Architecture(height, width, channels, self.n_kernels, self.units, len(classes))
        engine, order_rng = begin(architecture, self.engine, self._threads(), self.random_state, preprocessing)
        self.best_epoch_ = 0
        self._class_names: tuple[str, ...] | None = None
        self._are_integers: bool | None = None
        self._image_files: ImageFileOptions | None = None
        self.architecture_: Architecture = architecture
        self.classes_ = classes
        self.history_ = History()
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
            self._image_files or ImageFileOptions.of(self.architecture_, self._engine.preprocessing),
        )  # fmt: skip

    def _threads(self) -> int | None:
        return None if self.n_threads is None else integer_within(self.n_threads, "n_threads", 1, MAX_THREADS)

    @property
    def _is_ready(self) -> bool:
        return "_engine" in vars(self)

    def check_fitted(self) -> None:
        """Raise `NotFittedError` if the network has no weights yet."""
        if not self._is_ready:
            raise NotFittedError(
                f"this {type(self).__name__} has no weights yet: call fit, or init_weights, before using it"
            )

    def _training_data(
        self, x: ArrayLike, y: ArrayLike, x_val: ArrayLike | None, y_val: ArrayLike | None, sample_weight: Any
    ) -> TrainingData:
        """Check the arguments of `fit` that hold data, and bring them to one form."""
        images = self._images(x, is_new=True)
        label_array = inputs.as_label_array(y, len(images))
        classes = inputs.find_classes(label_array)
        labels = inputs.encode(label_array, classes)
        counts = importance(sample_weight, self.class_weight, labels, classes)
        validation = None
        if x_val is not None or y_val is not None:
            if x_val is None or y_val is None:
                raise InputTypeError("x_val and y_val must be given together, or not at all")
            val_images = inputs.as_images(
                x_val, images.shape[1:], argument="x_val", are_integers=images.dtype == np.uint8
            )
            val_array = inputs.as_label_array(y_val, len(val_images), argument="y_val")
            validation = val_images, inputs.encode(val_array, classes, argument="y_val")
        return TrainingData(images, labels, validation, classes, tuple(map(str, classes)), counts)

    def _preprocessing(self, images: Images, recipe: Recipe, place: FitPlace) -> Preprocessing:
        """The preprocessing of the run that continues, which need not come from its images (`warm_start`); else new."""
        begun = place.preprocessing
        return begun or Preprocessing.of(images, standardize=recipe.standardize, test_flip=recipe.uses_test_flip)

    def _continue(self, data: TrainingData) -> History:
        """Begin again with the weights that there are, and return the history so far.

        Raises
        ------
        InputError
            If these data or the parameters want another network.
        """
        before, weights, history = self.architecture_, self._engine.get_weights(), self.history_
        height, width, channels = image_shape = data.images.shape[1:]
        now = Architecture(height, width, channels, self.n_kernels, self.units, len(data.classes))
        differences = before.differences(now)
        if not np.array_equal(data.classes, self.classes_):
            differences.append(f"its classes are {self.classes_.tolist()}, not {data.classes.tolist()}")
        if differences:
            raise InputError(
                f"warm_start cannot continue with this network: {'; '.join(differences)}. Set warm_start=False to "
                "start again"
            )
        preprocessing = self._engine.preprocessing
        if bool(preprocessing.mean) != self.standardize:
            raise InputError(
                f"warm_start cannot continue with this network: its images are {'' if preprocessing.mean else 'not '}"
                f"standardized, but standardize is {self.standardize}. Set it to {not self.standardize}, or "
                "warm_start=False to start again"
            )
        self._start(image_shape, data.classes, replace(preprocessing, test_flip=self._recipe().uses_test_flip))
        self._engine.set_weights(weights)
        return history

    def _learn_from(self, training: Training, earlier: History | None) -> None:
        """Take history and best epoch from a training, after those of the trainings that it continued."""
        self.history_ = training.history  # another one than before, where a checkpoint was restored
        self.best_epoch_ = training.epoch if training.best is None else training.best.epoch
        if earlier is not None:
            self.best_epoch_ += len(earlier.losses)
            self.history_ = earlier.followed_by(training.history)

    def _note_features(self, x: ArrayLike) -> None:
        """Keep the names of a data frame's columns, once nothing can be refused any more."""
        self.__dict__.pop("feature_names_in_", None)
        if getattr(x, "ndim", None) == 2:
            validate_data(self, x, reset=True, skip_check_array=True)  # `_images` has tried it

    def _images(self, x: ArrayLike, argument: str = "x", *, is_new: bool = False) -> Images:
        """Check images of the network's shape; if they are new, of the shape that the network is to have."""
        if not is_new and getattr(x, "ndim", None) == 2 and not hasattr(x, "toarray"):
            inputs.refuse_one_image(x, self.architecture_.image_shape, argument)
            try:
                validate_data(self, x, reset=False, skip_check_array=True)
            except ValueError as error:
                raise InputError(str(error)) from error
        shape = inputs.as_image_shape(self.image_shape) if is_new else self.architecture_.image_shape
        known = None if is_new else vars(self).get("_are_integers")
        images = inputs.as_images(x, shape, argument=argument, are_learned=is_new, are_integers=known)
        if is_new and getattr(x, "ndim", None) == 2:
            try:
                validate_data(BaseEstimator(), x, reset=True, skip_check_array=True)
            except (TypeError, ValueError) as error:
                raise InputError(f"{argument} has columns whose names cannot be kept: {error}") from error
        return images

    def _images_and_labels(self, x: ArrayLike, y: ArrayLike) -> tuple[Images, Labels]:
        self.check_fitted()
        images = self._images(x)
        return images, inputs.encode(inputs.as_label_array(y, len(images)), self.classes_)

    def __sklearn_is_fitted__(self) -> bool:
        return self._is_ready

    def __getstate__(self) -> dict[str, Any]:
        """Copy the weights in place of the engine, whose buffers and graphs cannot be copied."""
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


# The home that pickles and documentation name, wherever the file moves.
ConvolutionNetwork.__module__ = NotFittedError.__module__ = "golmu"


def check_class_names(class_names: Any, default: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the classes as text, one for each; by default `default`."""
    if class_names is None:
        return default
    if isinstance(class_names, str | set | frozenset | Mapping):
        raise InputTypeError(f"class_names must be a list of names in the order of classes_, got {class_names!r}")
    names = tuple(map(str, class_names))
    if len(names) != len(default):
        raise InputError(f"class_names has {len(names)} names for {len(default)} classes")
    if len(set(names)) < len(names):
        raise InputError(f"class_names must differ from each other, got {list(names)}")
    return names
