"""How to train, as data: a frozen `Recipe`, and the recipes that have a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from golmu.settings import one_of, positive_integer, positive_number

RECORD_LOSS = ("after", "before")
"""When a batch's recorded loss is computed: after its update, as the chapter does, or before it, as Keras reports."""


@dataclass(frozen=True)
class Recipe:
    """The size of the network and every setting of its training."""

    n_kernels: int
    """3×3 convolution kernels."""
    units: int
    """Units of the hidden dense layer."""
    batch_size: int
    """Samples a step."""
    learning_rate: float
    """Step size of SGD: change of a weight per unit of gradient."""
    epochs: int
    """Passes over the training samples."""
    record_loss: str = "after"
    """One of `RECORD_LOSS`."""
    patience: int | None = None
    """Epochs without a lower validation loss after which training stops; the best epoch's weights are then restored."""

    def __post_init__(self) -> None:
        for name in ("n_kernels", "units", "batch_size", "epochs"):
            positive_integer(getattr(self, name), name)
        positive_number(self.learning_rate, "learning_rate")
        one_of(self.record_loss, RECORD_LOSS, "record_loss")
        if self.patience is not None:
            positive_integer(self.patience, "patience")

    def override(self, given: Mapping[str, Any]) -> Recipe:
        """A recipe with the fields in `given` that are not None in place of this one's."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def differences(self, other: Recipe) -> list[str]:
        """A line for each field that differs from `other`'s."""
        mine, others = asdict(self), asdict(other)
        return [f"{name} is {mine[name]!r}, not {others[name]!r}" for name in mine if mine[name] != others[name]]


RECIPES = {
    # Section 8.3 of the chapter: 10 kernels, 100 units, SGD, on the stratified 48,000 samples.
    "chapter": Recipe(n_kernels=10, units=100, batch_size=128, learning_rate=0.01, epochs=20),
}


def get_recipe(name: str) -> Recipe:
    """The recipe called `name`.

    Raises
    ------
    InputTypeError, InputError
        If there is none, naming those there are.
    """
    return RECIPES[one_of(name, RECIPES, "recipe")]
