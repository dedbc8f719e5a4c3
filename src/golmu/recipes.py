"""The recipes that have a name."""

from __future__ import annotations

from golmu.recipe import Recipe
from golmu.settings import one_of

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
