"""The recipe that a command starts from: the one that its user names, or one that suits the data.

Images of the user's own are told apart once they are read: colour images and grey ones need different networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from golmu.about import DATASET_NAMES
from golmu.architecture import POOL_SIZE
from golmu.data.reading import format_size
from golmu.errors import InputError
from golmu.recipe import Recipe, epochs_for, get_recipe
from golmu.runs.recipe_file import find_recipe, is_recipe_file

COLOR, OTHER = "color", "any"
"""The recipes for a user's own images: for those with three channels, and for all others."""

LABEL_EPOCHS, LABEL_IMAGES_SEEN, FEWEST_LABEL_EPOCHS = 20, 200_000, 3
"""Epochs of a training that checks labels: as many as see this number of images, within these bounds."""

MANY_TO_CHECK = 10_000
"""From so many images on, labels are checked by a smaller network in larger batches, in a small part of the time."""

HOW_TO_CHOOSE = "--recipe NAME takes another, and `golmu recipes` lists them"
HOW_TO_CHANGE_EPOCHS = "--epochs N takes another number"


class ChosenRecipe(NamedTuple):
    """A recipe with the changes that were asked for, and where it comes from."""

    name: str | None
    """None: a run has none that is trained on arrays."""
    recipe: Recipe
    note: str = ""
    """Which recipe was taken, why, and how to take another; "" where the images had no say in it."""


def check_settings(data: str, name: str | None, given: Mapping[str, Any]) -> int | None:
    """Refuse, before the data are read, what no recipe can do that may be chosen for them.

    Parameters
    ----------
    data
        The name or the path of the data.
    name, given
        The recipe that was asked for, if any, by its name or the path of its file, and fields of it to replace.

    Returns
    -------
    int or None
        The number of blocks of the network to come; None if that depends on the images.

    Raises
    ------
    InputError
        If there is no such recipe, its file cannot be used, or the changes fit none.
    """
    errors, possible = [], []
    for candidate in (OTHER, COLOR) if _depends_on_images(data, name) else (name or _usual(data),):
        try:
            possible.append(find_recipe(candidate).override(given))
        except InputError as error:
            errors.append(error)
    if not possible:
        raise errors[0]
    n_blocks = {recipe.n_blocks for recipe in possible}
    return n_blocks.pop() if len(n_blocks) == 1 else None


def choose_recipe(
    data: str, name: str | None, given: Mapping[str, Any], image_shape: tuple[int, ...], n_images: int = 0
) -> ChosenRecipe:
    """Return the recipe for data whose images have the shape (h, w, c); for the rest see `check_settings`.

    Unless `given` has a number of epochs, that follows `n_images` (`golmu.recipe.epochs_for`); 0: the recipe's own, as
    always with a recipe in a file. Such a recipe is called by the name of its file.
    """
    if name is not None and is_recipe_file(name):
        return ChosenRecipe(Path(name).name, find_recipe(name).override(given))
    chosen, reason, how_to_choose = name or _usual(data), "", HOW_TO_CHANGE_EPOCHS
    if _depends_on_images(data, name):
        (chosen, reason), how_to_choose = _suit(given, image_shape), HOW_TO_CHOOSE
    recipe, length = get_recipe(chosen).override(given), ""
    epochs = max(epochs_for(chosen, n_images), recipe.average_epochs)
    if given.get("epochs") is None and epochs != recipe.epochs:
        length = f" with {epochs} epochs instead of {recipe.epochs}"
        reason = f"{reason} and there are {n_images:,} of them" if reason else f"there are {n_images:,} images"
        recipe = recipe.override({"epochs": epochs})
    note = f"recipe {chosen}{length}, since {reason}; {how_to_choose}" if reason else ""
    return ChosenRecipe(chosen, recipe, note)


def recipe_for_labels(image_shape: tuple[int, ...], n_images: int) -> tuple[str, Recipe]:
    """Return the recipe by which labels are checked, and its name, for images of the shape (h, w, c), n of them."""
    name, _ = _suit({}, image_shape)
    changes: dict[str, Any] = {
        "epochs": min(LABEL_EPOCHS, max(FEWEST_LABEL_EPOCHS, round(LABEL_IMAGES_SEEN / n_images)))
    }
    if name == OTHER and n_images >= MANY_TO_CHECK:
        changes |= {"n_kernels": 10, "batch_size": 128, "label_smoothing": 0.0, "feature_dropout": 0.0}
    return name, get_recipe(name).override(changes)


def _suit(given: Mapping[str, Any], image_shape: tuple[int, ...]) -> tuple[str, str]:
    """Return the name of the recipe that suits images of the shape (h, w, c), and what it is in them."""
    height, width, channels = image_shape
    if channels != 3:
        return OTHER, "the images are grey" if channels == 1 else f"the images have {channels} channels"
    n_blocks = get_recipe(COLOR).override(given).n_blocks
    if min(height, width) >= POOL_SIZE**n_blocks:
        return COLOR, "the images have colours"
    size = format_size((height, width))
    return OTHER, f"the images of {size} pixels are too small for the {n_blocks} blocks of recipe {COLOR}"


def _depends_on_images(data: str, name: str | None) -> bool:
    return name is None and data not in DATASET_NAMES


def _usual(data: str) -> str:
    """The recipe of a data set that Golmu knows by name."""
    return "chapter" if data == "fashion-mnist" else OTHER
