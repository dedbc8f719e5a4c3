"""How to train, as data: a frozen `Recipe`, and the recipes that have a name.

Each field of a recipe is declared once, by `setting`: its default, its range, and its help text, from which the command
line's options, the estimator's documentation and the checks come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from typing import Any

from golmu.checks import (
    boolean,
    integer_within,
    kernel_numbers,
    number_within,
    one_of,
    positive_integer,
    positive_number,
)
from golmu.errors import InputError

OPTIMIZERS = ("sgd", "nesterov", "adam", "adamw")
SCHEDULES = ("constant", "triangular", "cosine")

LARGEST_MOVE = 2**15
"""Pixels: more than any image has, and few enough for the engines' draws."""

MAX_EPOCHS = 10_000_000
"""More epochs are most likely a mistyped number, and no training would come to their end."""

RECORD_LOSS = ("after", "before")
"""When a batch's recorded loss is computed: after its update, as the chapter does, or before it, as Keras reports."""

NETWORK, OPTIMISATION, REGULARISATION, RUN = "Network", "Optimisation", "Regularisation", "Run"
"""Groups of fields, as the help of the command line has them."""

COMMON = "Common"
"""The group of the fields that are changed most often."""

Check = Callable[..., Any]
"""Checks a value and returns it in its plain type; `argument` is the name that an error gives it."""

REQUIRED: Any = object()


def setting(
    help: str, kind: type, check: Check, default: Any = REQUIRED, *, group: str, is_optional: bool = False,
    is_per_block: bool = False,
) -> Any:  # fmt: skip
    """Declare a field of a recipe.

    Parameters
    ----------
    help
        One or two sentences for the command line and the estimator's documentation.
    kind, check
        The type of its values, and the check that they pass.
    default
        Its default, if it has one.
    group
        The heading under which the command line shows it.
    is_optional
        Whether it may be None.
    is_per_block
        Whether it may be a tuple, with a value for each block of the network.
    """
    metadata = {
        "help": help, "kind": kind, "check": check, "group": group, "is_optional": is_optional,
        "is_per_block": is_per_block,
    }  # fmt: skip
    return field(metadata=metadata) if default is REQUIRED else field(default=default, metadata=metadata)


_count: Check = positive_integer
_share: Check = partial(number_within, low=0, end=1)
_pixels: Check = partial(integer_within, low=0, high=LARGEST_MOVE)


def _check(recipe: Method) -> None:
    """Check every field, and put its value in its plain type in place of NumPy's, which JSON would refuse."""
    for one in fields(recipe):
        value = getattr(recipe, one.name)
        if value is not None or not one.metadata["is_optional"]:
            object.__setattr__(recipe, one.name, one.metadata["check"](value, argument=one.name))


@dataclass(frozen=True, kw_only=True)
class Method:
    """What happens within one step of training, apart from its learning rate."""

    optimizer: str = setting(
        "Optimizer: sgd, nesterov (SGD with Nesterov momentum), adam or adamw.",
        str, partial(one_of, choices=OPTIMIZERS), "sgd", group=OPTIMISATION,
    )  # fmt: skip
    """Nesterov: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013; Adam:
    Kingma and Ba, 2015, algorithm 1, ε = 1e-7 as in Keras; AdamW: Loshchilov and Hutter, "Decoupled Weight Decay
    Regularization", 2019, algorithm 2, which is Adam with decay."""
    momentum: float = setting(
        "Momentum: the share of the velocity kept from step to step (nesterov), or β₁ (adam, adamw).",
        float, _share, 0.9, group=OPTIMISATION,
    )  # fmt: skip
    weight_decay: float = setting(
        "Decoupled weight decay: each step shrinks all weights by this share times the learning rate.",
        float, partial(number_within, low=0, end=None), 0.0, group=REGULARISATION,
    )  # fmt: skip
    label_smoothing: float = setting(
        "Label smoothing: the share of the target spread evenly over all classes.",
        float, _share, 0.0, group=REGULARISATION,
    )  # fmt: skip
    """Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7."""
    feature_dropout: float = setting(
        "Probability of dropping each pooled activation before the hidden layer.",
        float, _share, 0.0, group=REGULARISATION,
    )  # fmt: skip
    """The activations that are kept grow by 1 / (1 − p): Srivastava et al., "Dropout", 2014, section 10."""
    hidden_dropout: float = setting(
        "Probability of dropping each hidden activation before the output layer.",
        float, _share, 0.0, group=REGULARISATION,
    )  # fmt: skip
    flip: bool = setting(
        "Mirror each training image left to right with probability 1/2; predictions then see mirror images too "
        "(test_flip).",
        bool,
        boolean,
        False,
        group=REGULARISATION,
    )
    shift: int = setting(
        "Move each training image by up to this many pixels along each axis, at random.",
        int, _pixels, 0, group=REGULARISATION,
    )  # fmt: skip
    """Uniformly; what moves in is zero to the network."""
    erase: int = setting(
        "Erase a square of this side, in pixels, at a random place of each training image.",
        int, _pixels, 0, group=REGULARISATION,
    )  # fmt: skip
    """Its centre is anywhere in the image, and it is zero to the network: DeVries and Taylor, "Improved Regularization
    of Convolutional Neural Networks with Cutout", 2017, section 3."""
    record_loss: str = setting(
        "Record each batch's loss 'after' its update (as in the book) or 'before' it (faster).",
        str, partial(one_of, choices=RECORD_LOSS), "after", group=RUN,
    )  # fmt: skip
    """The loss after an update is of the same augmented images, without dropout or smoothing."""

    def __post_init__(self) -> None:
        _check(self)
        if self.optimizer == "nesterov" and not self.momentum:
            raise InputError("momentum is 0, but optimizer 'nesterov' needs momentum: use 'sgd'")
        if self.optimizer == "adam" and self.weight_decay:
            raise InputError(
                f"weight_decay is {self.weight_decay:g}, but optimizer 'adam' has none: use 'adamw', or leave it out"
            )

    @property
    def draws(self) -> bool:
        """Whether a step draws random numbers."""
        return bool(self.feature_dropout or self.hidden_dropout or self.flip or self.shift or self.erase)

    @property
    def loss_note(self) -> str:
        """Why the training loss does not compare with the validation loss, as a sentence; "" where it does."""
        is_before = self.record_loss == "before"
        reasons = [
            name
            for name, is_there in (
                ("label smoothing", is_before and self.label_smoothing),
                ("dropout", is_before and (self.feature_dropout or self.hidden_dropout)),
                ("augmentation", self.flip or self.shift or self.erase),
            )
            if is_there
        ]
        if not reasons:
            return ""
        named = " and ".join(filter(None, [", ".join(reasons[:-1]), reasons[-1]]))
        return (
            f"The training loss includes {named}, and the validation loss does not, so the training loss may stay "
            "higher."
        )


PLAIN = Method(record_loss="before")
"""SGD, and nothing left to chance."""


@dataclass(frozen=True, kw_only=True)
class Recipe(Method):
    """The size of the network and every setting of its training.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import golmu
    >>> recipe = replace(golmu.RECIPES["best"], epochs=60)
    >>> recipe.n_kernels, recipe.units, recipe.epochs, recipe.optimizer
    (10, 100, 60, 'nesterov')
    """

    n_kernels: int | tuple[int, ...] = setting(
        "Number of 3x3 convolution kernels; several numbers, such as 16,32,64, make as many blocks of convolution and "
        "pooling, at most 4.",
        int, kernel_numbers, group=NETWORK, is_per_block=True,
    )  # fmt: skip
    units: int = setting("Number of units of the hidden dense layer.", int, _count, group=NETWORK)
    batch_size: int = setting("Images per training step.", int, _count, group=OPTIMISATION)
    """Epochs use full batches only; fewer samples than this make one batch."""
    learning_rate: float = setting(
        "Learning rate, at its highest. For adam and adamw, about 0.001 is usual.",
        float, positive_number, group=COMMON,
    )  # fmt: skip
    epochs: int = setting(
        "Passes over the training images.", int, partial(integer_within, low=1, high=MAX_EPOCHS), group=COMMON
    )
    patience: int | None = setting(
        "Stop after this many epochs without a lower validation loss, and keep the best epoch's weights.",
        int, _count, None, group=RUN, is_optional=True,
    )  # fmt: skip
    schedule: str = setting(
        "Learning rate after the warm-up: constant, triangular (a straight line down) or cosine.",
        str, partial(one_of, choices=SCHEDULES), "constant", group=OPTIMISATION,
    )  # fmt: skip
    """The cosine is half of one: Loshchilov and Hutter, "SGDR", 2017, equation 5."""
    warmup: float = setting(
        "Share of all steps in which the learning rate grows linearly from zero.",
        float, _share, 0.0, group=OPTIMISATION,
    )  # fmt: skip
    """Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2."""
    final_rate: float = setting(
        "Share of the learning rate that remains at the end of a triangular or cosine schedule.",
        float, _share, 0.0, group=OPTIMISATION,
    )  # fmt: skip
    final_batch_size: int | None = setting(
        "Images per step in the last epoch; batches grow to it by a constant factor per epoch.",
        int, _count, None, group=OPTIMISATION, is_optional=True,
    )  # fmt: skip
    """Smith et al., "Don't Decay the Learning Rate, Increase the Batch Size", 2018."""
    ema: float = setting(
        "Decay of an exponential moving average of the weights, per step; 0: none.",
        float, _share, 0.0, group=REGULARISATION,
    )  # fmt: skip
    """Polyak and Juditsky, 1992; the first steps are averaged evenly."""
    average_epochs: int = setting(
        "Average the weights evenly over the steps of this many last epochs; 0: no average.",
        int, partial(integer_within, low=0, high=None), 0, group=REGULARISATION,
    )  # fmt: skip
    """Izmailov et al., "Averaging Weights Leads to Wider Optima", 2018."""
    test_flip: bool | None = setting(
        "Predict with the mean of the logits of each image and its mirror image, in twice the time; by default as flip "
        "says.",
        bool, boolean, None, group=NETWORK, is_optional=True,
    )  # fmt: skip
    standardize: bool = setting(
        "Standardise pixels to mean 0 and standard deviation 1 over the training images.",
        bool, boolean, False, group=NETWORK,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ema and self.average_epochs:
            raise InputError("ema and average_epochs are two ways to average the weights: give one of them")
        if self.average_epochs and self.patience is not None:
            raise InputError(
                "average_epochs averages over the last epochs, and patience may stop before them: give one of them, "
                "or use ema"
            )
        if self.final_rate and self.schedule == "constant":
            raise InputError(
                f"final_rate is {self.final_rate:g}, but schedule 'constant' keeps the whole rate: use 'triangular' or "
                "'cosine', or leave it out"
            )
        if self.average_epochs > self.epochs:
            raise InputError(f"average_epochs is {self.average_epochs}, but there are only {self.epochs} epochs")

    @property
    def uses_test_flip(self) -> bool:
        """Whether logits are the mean of those of an image and of its mirror image: `test_flip`, by default `flip`."""
        return self.flip if self.test_flip is None else self.test_flip

    def settled(self) -> Recipe:
        """Return the recipe with `test_flip` as it takes effect, which no longer follows `flip`."""
        return replace(self, test_flip=self.uses_test_flip)

    @property
    def n_blocks(self) -> int:
        """The number of blocks of convolution and pooling."""
        return len(self.n_kernels) if isinstance(self.n_kernels, tuple) else 1

    @property
    def method(self) -> Method:
        """The part of this recipe that an engine needs to know."""
        return Method(**{one.name: getattr(self, one.name) for one in fields(Method)})

    @property
    def idle(self) -> frozenset[str]:
        """Names of the fields that have no effect under the others, such as the momentum of plain SGD."""
        without_effect = {
            "momentum": self.optimizer == "sgd",
            "weight_decay": self.optimizer == "adam",
            "final_rate": self.schedule == "constant",
            "ema": self.average_epochs > 0,
            "average_epochs": self.ema > 0 or self.patience is not None,
            "patience": self.average_epochs > 0,
        }
        return frozenset(name for name, is_idle in without_effect.items() if is_idle)

    @property
    def fixes_epochs(self) -> bool:
        """Whether an epoch depends on the number of epochs, so that none can be added later."""
        return bool(
            self.schedule != "constant" or self.warmup or self.average_epochs
            or self.final_batch_size not in (None, self.batch_size)
        )  # fmt: skip

    def override(self, given: Mapping[str, Any]) -> Recipe:
        """Return this recipe with the fields in `given` that are not None."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def changes_to(self, other: Recipe) -> dict[str, Any]:
        """Return the fields, with their values, that make `other` of this recipe; `test_flip` may follow `flip`."""
        before = asdict(replace(self, flip=other.flip).settled()) | {"flip": self.flip}
        return {name: value for name, value in asdict(other.settled()).items() if value != before[name]}

    def differences(self, other: Recipe) -> list[str]:
        """List what keeps a training with this recipe from continuing with `other`, a line for each field.

        The number of epochs is listed only where an epoch depends on it.
        """
        mine = asdict(self.settled())
        lines = [
            f"{name} is {mine[name]!r}, not {value!r}"
            for name, value in self.changes_to(other).items()
            if value != mine[name] and name != "epochs"
        ]
        if self.epochs != other.epochs and self.fixes_epochs:
            lines.append(f"epochs is {self.epochs}, and the recipe's schedule ends there, not after {other.epochs}")
        return lines


Recipe.__module__ = "golmu"  # the home that pickles and documentation name, wherever the file moves

FIELDS = {one.name: one for one in fields(Recipe)}
"""A recipe's fields by name; `metadata` is what `setting` says."""

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
        schedule="cosine", warmup=0.05, label_smoothing=0.1, flip=True, shift=1, record_loss="before",
    ),
    "wide": Recipe(
        n_kernels=64, units=128, batch_size=128, learning_rate=0.05, epochs=80, optimizer="nesterov",
        schedule="cosine", warmup=0.05, label_smoothing=0.1, feature_dropout=0.1, flip=True, shift=1,
        record_loss="before",
    ),
    # For images of any kind: no mirroring, which would turn letters into other letters; and light regularisation, since
    # a few thousand images are soon learned by heart. Without standardised pixels kernels die on photographs,
    # and standardised ones ask for a lower rate.
    "any": Recipe(
        n_kernels=32, units=100, batch_size=32, learning_rate=0.03, epochs=60, optimizer="nesterov",
        schedule="triangular", warmup=0.1, label_smoothing=0.1, feature_dropout=0.1, shift=1, standardize=True,
        record_loss="before",
    ),
    # Three blocks see larger parts of a photograph than one. No mirroring: a sign or a letter would become another.
    # In larger batches a few hundred images make too few steps, at a rate that kills kernels.
    "color": Recipe(
        n_kernels=(16, 32, 64), units=128, batch_size=64, learning_rate=0.02, epochs=60, optimizer="nesterov",
        schedule="triangular", warmup=0.1, label_smoothing=0.1, feature_dropout=0.1, shift=2, standardize=True,
        record_loss="before",
    ),
    "deep": Recipe(
        n_kernels=(32, 64), units=128, batch_size=64, learning_rate=0.05, epochs=45, optimizer="nesterov",
        schedule="cosine", warmup=0.1, label_smoothing=0.1, feature_dropout=0.2, weight_decay=0.001, shift=1,
        ema=0.999, standardize=True, record_loss="before",
    ),
}  # fmt: skip


PURPOSES = {
    "chapter": "exactly the book's training",
    "quick": "the book's accuracy in one epoch",
    "best": "the most accurate training of the book's network; mirrors images",
    "wide": "the most accurate training of one wide convolution; mirrors images",
    "any": "your own grey images",
    "color": "your own colour images",
    "deep": "the highest accuracy on grey images",
}
"""What each recipe is for, in a few words."""

IMAGES_SEEN = 600_000
"""As many images, counted each time, are enough for recipe `any`, and more epochs gain nothing."""

FEWEST_EPOCHS = 20
"""The shortest training with recipe `any`."""


def epochs_for(name: str, n_images: int) -> int:
    """Return how many epochs the recipe called `name` needs for a number of images.

    Recipe `any` has 60 epochs for up to 10,000 images, then as many fewer as there are more images, and 20 from 30,000
    on. All others keep theirs.

    Parameters
    ----------
    name
        The name of a recipe.
    n_images
        How many images there are to train and to validate on.

    Examples
    --------
    >>> from golmu.recipe import epochs_for
    >>> epochs_for("any", 1_000), epochs_for("any", 20_000), epochs_for("any", 60_000)
    (60, 30, 20)
    """
    usual = get_recipe(name).epochs
    if name != "any" or not n_images:
        return usual
    return min(usual, max(FEWEST_EPOCHS, round(IMAGES_SEEN / n_images)))


def format_setting(value: Any) -> str:
    """Format a field's value for a table: the numbers of several blocks as 16, 32, 64."""
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def get_recipe(name: str) -> Recipe:
    """Return the recipe called `name`.

    Raises
    ------
    InputTypeError, InputError
        If there is no such recipe; the error lists them.
    """
    return RECIPES[one_of(name, RECIPES, "recipe")]
