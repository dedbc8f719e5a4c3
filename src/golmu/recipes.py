"""The recipes that have a name."""

from __future__ import annotations

from golmu.recipe import Recipe
from golmu.settings import one_of

RECIPES = {
    # Section 8.3 of the chapter: 10 kernels, 100 units, SGD, on the stratified 48,000 samples.
    "chapter": Recipe(n_kernels=10, units=100, batch_size=128, learning_rate=0.01, epochs=20),
}


ABOUT = {
    "chapter": "what the book does",
}
"""What each recipe is for, in a few words."""


def get_recipe(name: str) -> Recipe:
    """The recipe called `name`.

    Raises
    ------
    InputTypeError, InputError
        If there is none, naming those there are.
    """
    return RECIPES[one_of(name, RECIPES, "recipe")]
