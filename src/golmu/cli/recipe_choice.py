"""The recipe that a command starts from: the one that its user names, or one that suits the data.

Images of the user's own are told apart once they are read: colour images and grey ones need different networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from golmu.about import DATASET_NAMES
from golmu.architecture import POOL_SIZE
from golmu.data.reading import format_size
from golmu.errors import InputError
from golmu.recipe import Recipe, get_recipe

COLOR, OTHER = "color", "any"
"""The recipes for a user's own images: for those with three channels, and for all others."""

HOW_TO_CHOOSE = "--recipe NAME takes another, and `golmu recipes` lists them"


class ChosenRecipe(NamedTuple):
    """A recipe with the changes that were asked for, and where it comes from."""

    name: str | None
    """None: a run has none that is trained on arrays."""
    recipe: Recipe
    note: str = ""
    """Which recipe was taken, why, and how to take another; "" where the images had no say in it."""


def check_settings(data: str, name: str | None, given: Mapping[str, Any]) -> None:
    """Refuse, before the data are read, what no recipe can do that may be chosen for them.

    Parameters
    ----------
    data
        The name or the path of the data.
    name, given
        The recipe that was asked for, if any, and fields of it to replace.

    Raises
    ------
    InputError
        If there is no recipe of that name, or the changes fit none.
    """
    errors = []
    for candidate in (OTHER, COLOR) if _depends_on_images(data, name) else (name or _usual(data),):
        try:
            get_recipe(candidate).override(given)
        except InputError as error:
            errors.append(error)
        else:
            return
    raise errors[0]


def choose_recipe(data: str, name: str | None, given: Mapping[str, Any], image_shape: tuple[int, ...]) -> ChosenRecipe:
    """Return the recipe for data whose images have the shape (h, w, c); for the rest see `check_settings`."""
    if not _depends_on_images(data, name):
        name = name or _usual(data)
        return ChosenRecipe(name, get_recipe(name).override(given))
    chosen, reason = OTHER, "are grey"
    height, width, channels = image_shape
    if channels == 3:
        chosen, reason = COLOR, "have colours"
        n_blocks = get_recipe(COLOR).override(given).n_blocks
        if min(height, width) < POOL_SIZE**n_blocks:
            size = format_size((height, width))
            chosen, reason = OTHER, f"of {size} pixels are too small for the {n_blocks} blocks of recipe {COLOR}"
    elif channels != 1:
        reason = f"have {channels} channels"
    note = f"recipe {chosen}, since the images {reason}; {HOW_TO_CHOOSE}"
    return ChosenRecipe(chosen, get_recipe(chosen).override(given), note)


def _depends_on_images(data: str, name: str | None) -> bool:
    return name is None and data not in DATASET_NAMES


def _usual(data: str) -> str:
    """The recipe of a data set that Golmu knows by name."""
    return "chapter" if data == "fashion-mnist" else OTHER
