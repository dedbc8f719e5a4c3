"""How to train, as data: a frozen `Recipe`. Those that have a name are in `golmu.recipe`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from golmu.checks import boolean, integer_within, number_within, one_of, positive_integer, positive_number
from golmu.errors import InputError

OPTIMIZERS = ("sgd", "nesterov", "adam", "adamw")
SCHEDULES = ("constant", "triangular", "cosine")

LARGEST_MOVE = 2**15
"""Pixels: more than any image has, and few enough for the engines' draws."""

RECORD_LOSS = ("after", "before")
"""When a batch's recorded loss is computed: after its update, as the chapter does, or before it, as Keras reports."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """What happens within one step of training, apart from its learning rate."""

    optimizer: str = "sgd"
    """One of `OPTIMIZERS`: plain SGD; with Nesterov's momentum (Sutskever et al., "On the importance of initialization
    and momentum in deep learning", 2013); Adam (Kingma and Ba, 2015, algorithm 1, ε = 1e-7 as in Keras); and AdamW
    (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2), which is Adam with decay."""
    momentum: float = 0.9
    """Share of the velocity that stays from step to step, of `nesterov`; β₁ of `adam` and `adamw`."""
    weight_decay: float = 0.0
    """Each step takes away this share of every weight and bias, times the learning rate (decoupled, as in AdamW)."""
    label_smoothing: float = 0.0
    """Share of the target spread evenly over all classes (Szegedy et al., "Rethinking the Inception Architecture",
    2016, section 7)."""
    feature_dropout: float = 0.0
    """Probability that a pooled activation is dropped before the hidden layer; those kept grow by 1 / (1 − p)
    (Srivastava et al., "Dropout", 2014, section 10)."""
    hidden_dropout: float = 0.0
    """The same for the hidden activations before the output layer."""
    flip: bool = False
    """Whether an image is mirrored left to right with probability 1/2."""
    shift: int = 0
    """Pixels, at most, by which an image is moved along each axis, uniformly; what comes in is zero to the network."""
    erase: int = 0
    """Side, in pixels, of a square with its centre anywhere in the image in which all is zero to the network (DeVries
    and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017, section 3)."""
    record_loss: str = "after"
    """One of `RECORD_LOSS`. The loss after an update is of the same augmented images, without dropout or smoothing."""

    def __post_init__(self) -> None:
        one_of(self.optimizer, OPTIMIZERS, "optimizer")
        one_of(self.record_loss, RECORD_LOSS, "record_loss")
        for name in ("momentum", "label_smoothing", "feature_dropout", "hidden_dropout"):
            self._set(name, number_within(getattr(self, name), name, 0, 1))
        self._set("weight_decay", number_within(self.weight_decay, "weight_decay", 0, None))
        self._set("flip", boolean(self.flip, "flip"))
        for name in ("shift", "erase"):
            self._set(name, integer_within(getattr(self, name), name, 0, LARGEST_MOVE))
        if self.optimizer == "nesterov" and not self.momentum:
            raise InputError("momentum is 0, but optimizer 'nesterov' is made of it: use 'sgd'")
        if self.optimizer == "adam" and self.weight_decay:
            raise InputError(
                f"weight_decay is {self.weight_decay:g}, but optimizer 'adam' has none: use 'adamw', or leave it out"
            )

    def _set(self, name: str, value: float | bool) -> None:
        """Puts a value in its plain type in place of NumPy's, which JSON would refuse."""
        object.__setattr__(self, name, value)

    @property
    def draws(self) -> bool:
        """Whether a step draws anything by chance."""
        return bool(self.feature_dropout or self.hidden_dropout or self.flip or self.shift or self.erase)


PLAIN = Method(record_loss="before")
"""SGD, and nothing left to chance."""


@dataclass(frozen=True, kw_only=True)
class Recipe(Method):
    """The size of the network and every setting of its training."""

    n_kernels: int
    """3×3 convolution kernels."""
    units: int
    """Units of the hidden dense layer."""
    batch_size: int
    """Samples a step."""
    learning_rate: float
    """Step size, at its highest: change of a weight per unit of gradient (of `adam`: per unit of its direction)."""
    epochs: int
    """Passes over the training samples."""
    patience: int | None = None
    """Epochs without a lower validation loss after which training stops; the best epoch's weights are then restored."""
    schedule: str = "constant"
    """One of `SCHEDULES`: how the learning rate goes on after `warmup`: as it is, in a line to `final_rate`, or along
    half a cosine to it (Loshchilov and Hutter, "SGDR", 2017, equation 5)."""
    warmup: float = 0.0
    """Share of all steps during which the learning rate grows in a line from zero (Goyal et al., "Accurate, Large
    Minibatch SGD", 2017, section 2.2)."""
    final_rate: float = 0.0
    """Share of the learning rate that is left after the last step; not of the constant schedule."""
    final_batch_size: int | None = None
    """Samples a step in the last of several epochs; from `batch_size` on, the batches grow, or shrink, by one factor an
    epoch (Smith et al., "Don't Decay the Learning Rate, Increase the Batch Size", 2018)."""
    ema: float = 0.0
    """Share of the average of the weights that stays from step to step; 0: no such average (Polyak and Juditsky, 1992;
    the first steps are averaged evenly)."""
    average_epochs: int = 0
    """Last epochs over whose steps the weights are averaged evenly (Izmailov et al., "Averaging Weights Leads to Wider
    Optima", 2018); 0: none."""
    test_flip: bool = False
    """Whether the trained network answers with the mean of its logits for an image and for its mirror image."""
    standardize: bool = False
    """Whether the pixels are brought to mean 0 and standard deviation 1 over all training images, by channel."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("n_kernels", "units", "batch_size", "epochs"):
            self._set(name, positive_integer(getattr(self, name), name))
        self._set("learning_rate", positive_number(self.learning_rate, "learning_rate"))
        for name in ("patience", "final_batch_size"):
            if getattr(self, name) is not None:
                self._set(name, positive_integer(getattr(self, name), name))
        one_of(self.schedule, SCHEDULES, "schedule")
        for name in ("warmup", "final_rate", "ema"):
            self._set(name, number_within(getattr(self, name), name, 0, 1))
        self._set("average_epochs", integer_within(self.average_epochs, "average_epochs", 0, None))
        for name in ("test_flip", "standardize"):
            self._set(name, boolean(getattr(self, name), name))
        if self.ema and self.average_epochs:
            raise InputError("ema and average_epochs are two ways to average the weights: give one of them")
        if self.average_epochs and self.patience is not None:
            raise InputError(
                "average_epochs is about the last epochs, and patience may end before them: give one of them, or ema"
            )
        if self.final_rate and self.schedule == "constant":
            raise InputError(
                f"final_rate is {self.final_rate:g}, but schedule 'constant' keeps the whole rate: use 'triangular' or "
                "'cosine', or leave it out"
            )
        if self.average_epochs > self.epochs:
            raise InputError(f"average_epochs is {self.average_epochs}, but there are only {self.epochs} epochs")

    @property
    def method(self) -> Method:
        """What an engine needs to know of this recipe."""
        return Method(**{field.name: getattr(self, field.name) for field in fields(Method)})

    @property
    def fixes_epochs(self) -> bool:
        """Whether what happens in an epoch depends on how many there will be, so that none can be added later."""
        return bool(
            self.schedule != "constant" or self.warmup or self.average_epochs
            or self.final_batch_size not in (None, self.batch_size)
        )  # fmt: skip

    def override(self, given: Mapping[str, Any]) -> Recipe:
        """A recipe with the fields in `given` that are not None in place of this one's."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def differences(self, other: Recipe) -> list[str]:
        """A line for each field that keeps a training with this recipe from going on with `other`'s.

        The number of epochs is one only where an epoch depends on it.
        """
        mine, others = asdict(self), asdict(other)
        lines = [
            f"{name} is {mine[name]!r}, not {others[name]!r}"
            for name in mine
            if mine[name] != others[name] and name != "epochs"
        ]
        if self.epochs != other.epochs and self.fixes_epochs:
            lines.append(f"epochs is {self.epochs}, and the recipe's schedule ends there, not after {other.epochs}")
        return lines


FIELDS = tuple(field.name for field in fields(Recipe))
"""The names of a recipe's fields."""

RECIPES = {
    # Section 8.3 of the chapter: 10 kernels, 100 units, SGD, on the stratified 48,000 samples.
    "chapter": Recipe(n_kernels=10, units=100, batch_size=128, learning_rate=0.01, epochs=20),
    "quick": Recipe(
        n_kernels=10, units=100, batch_size=128, learning_rate=0.1, epochs=1, optimizer="nesterov",
        schedule="triangular", warmup=0.1, standardize=True, record_loss="before",
    ),
    # Shifts by a pixel ask for many epochs, and then leave dropout nothing to do.
    "best": Recipe(
        n_kernels=10, units=100, batch_size=128, learning_rate=0.05, epochs=200, optimizer="nesterov",
        schedule="cosine", warmup=0.05, label_smoothing=0.1, flip=True, shift=1, test_flip=True, record_loss="before",
    ),
    "wide": Recipe(
        n_kernels=64, units=128, batch_size=128, learning_rate=0.05, epochs=80, optimizer="nesterov",
        schedule="cosine", warmup=0.05, label_smoothing=0.1, feature_dropout=0.1, flip=True, shift=1, test_flip=True,
        record_loss="before",
    ),
    # For images of which nothing is known: no mirroring, which would make letters of other letters; and a few thousand
    # images need a little of everything against learning them by heart.
    "any": Recipe(
        n_kernels=32, units=100, batch_size=32, learning_rate=0.05, epochs=60, optimizer="nesterov",
        schedule="triangular", warmup=0.1, label_smoothing=0.1, feature_dropout=0.1, shift=1, record_loss="before",
    ),
}  # fmt: skip


ABOUT = {
    "chapter": "what the book does",
    "quick": "the chapter's accuracy in one epoch",
    "best": "the most from the chapter's network",
    "wide": "the most from one convolution",
    "any": "images of your own",
}
"""What each recipe is for, in a few words."""


def default_recipe(data: str) -> str:
    """The name of the recipe where the user names none, for data by name or path: the chapter's for its own data."""
    return "chapter" if data == "fashion-mnist" else "any"


def get_recipe(name: str) -> Recipe:
    """The recipe called `name`.

    Raises
    ------
    InputTypeError, InputError
        If there is none, naming those there are.
    """
    return RECIPES[one_of(name, RECIPES, "recipe")]
