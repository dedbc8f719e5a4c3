"""The settings that a search tries: fields of a recipe, each with a range or a list of values, as users write them.

learning_rate=log:0.01:0.3     numbers from 0.01 to 0.3, as many in each factor of ten; integers if the field has them
feature_dropout=float:0:0.5    numbers from 0 to 0.5
units=int:50:400               integers from 50 to 400
batch_size=16,32,64            one of these
n_kernels=32,16-32,16-32-64    one, two or three blocks
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from golmu.checks import one_of
from golmu.errors import InputError
from golmu.recipe import FIELDS, Recipe

if TYPE_CHECKING:
    from optuna.trial import Trial

RANGES = ("log", "float", "int")
"""The kinds of ranges; what begins with none of them is a list of values."""

EXAMPLES = "learning_rate=log:0.01:0.3, units=int:50:400 or batch_size=16,32,64"
"""What an error shows."""

RATE_FACTOR = 3.0
"""The learning rates of the default space lie within this factor of the recipe's."""

BATCH_SIZES, SHIFTS = (16, 32, 64, 128), (0, 1, 2, 4)
"""What the default space has of each, as far as the images allow it."""

FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class Dimension:
    """One setting of a search, with the values that it may take."""

    name: str
    """The field of the recipe."""
    kind: str
    """One of `RANGES`, or "choices"."""
    values: tuple[Any, ...]
    """The lowest and the highest value, or all of them."""

    @classmethod
    def parse(cls, text: str) -> Dimension:
        """Return what `NAME=RANGE` says.

        Raises
        ------
        InputError
            If there is no such setting, or the range is none or does not suit it.
        """
        name, sign, given = (part.strip() for part in text.partition("="))
        if not sign or not given:
            raise InputError(f"--search must be NAME=RANGE, such as {EXAMPLES}, got {text!r}")
        name = one_of(name.replace("-", "_"), FIELDS, "the setting of --search")
        if name == "label_smoothing":
            raise InputError(
                "label_smoothing cannot be searched: trials are compared by validation loss, which smoothing raises on "
                "purpose; give one value (--label-smoothing)"
            )
        kind, colon, ends = given.partition(":")
        if not colon:
            return cls(name, "choices", _choices(name, given))
        return cls(name, one_of(kind.strip(), RANGES, f"the range of {name}"), _range(name, kind.strip(), ends))

    @property
    def text(self) -> str:
        """The dimension as `parse` takes it."""
        values = list(map(_format_value, self.values))
        return f"{self.name}=" + (",".join(values) if self.kind == "choices" else ":".join([self.kind, *values]))

    @property
    def is_log(self) -> bool:
        """Whether equal factors count as equal distances."""
        return self.kind == "log"

    def suggest(self, trial: Trial) -> Any:
        """Return the value of a trial, which Optuna chooses."""
        if self.kind == "choices":  # as text, since a storage keeps no tuples
            return self.value_of(trial.suggest_categorical(self.name, [_format_value(value) for value in self.values]))
        low, high = self.values
        if isinstance(low, int):
            return trial.suggest_int(self.name, low, high, log=self.is_log)
        return trial.suggest_float(self.name, low, high, log=self.is_log)

    def value_of(self, parameter: Any) -> Any:
        """Return the value that one of Optuna's parameters stands for."""
        return _parse_value(self.name, parameter) if self.kind == "choices" else parameter

    def parameter_of(self, value: Any) -> Any:
        """Return Optuna's parameter for a value; None if the value is not in this dimension."""
        if self.kind == "choices":
            return _format_value(value) if value in self.values else None
        is_number = isinstance(value, int | float)
        return value if is_number and self.values[0] <= value <= self.values[1] else None


Space = tuple[Dimension, ...]


def parse_space(texts: Sequence[str], fixed: Collection[str] = ()) -> Space:
    """Return the space that several `NAME=RANGE` make; the fields in `fixed` have one value each already.

    Raises
    ------
    InputError
        If one of them is wrong, or a setting comes twice.
    """
    space = tuple(Dimension.parse(text) for text in texts)
    names = [dimension.name for dimension in space]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--search has {name} twice: give it once")
        if name in fixed:
            raise InputError(f"{name} has one value by --{name.replace('_', '-')} and several by --search: give one")
    return space


def default_space(recipe: Recipe, n_images: int, side: int, fixed: Collection[str] = ()) -> Space:
    """Return the space that is searched where the user names none: what mattered most (docs/en/internals/log.md).

    Parameters
    ----------
    recipe
        The recipe that the search begins with.
    n_images, side
        The number of training images, and their smaller side in pixels.
    fixed
        Fields that keep the recipe's value.
    """
    rate = recipe.learning_rate
    lists = {
        "batch_size": [size for size in BATCH_SIZES if size <= n_images],
        "shift": [shift for shift in SHIFTS if shift <= side // 8 + 1],
    }
    space = [
        f"learning_rate=log:{rate / RATE_FACTOR:.3g}:{rate * RATE_FACTOR:.3g}",
        *(f"{name}={','.join(map(str, values))}" for name, values in lists.items() if len(values) > 1),
        "feature_dropout=float:0:0.5",
        "hidden_dropout=float:0:0.5",
        *([] if recipe.optimizer == "adam" else ["weight_decay=0,0.0003,0.001,0.003,0.01"]),
    ]
    return tuple(one for one in map(Dimension.parse, space) if one.name not in fixed)


def parameters_of(recipe: Recipe, space: Space) -> dict[str, Any]:
    """Return Optuna's parameters for a recipe, as far as the space has its values, or else those that take effect."""
    return {
        dimension.name: parameter
        for one in (recipe.settled(), recipe)  # the later counts
        for dimension in space
        if (parameter := dimension.parameter_of(getattr(one, dimension.name))) is not None
    }


def check_space(space: Space, recipe: Recipe, check: Callable[[Recipe], object]) -> None:
    """Refuse what `check` or the recipe itself refuses at an end of a range, or of a value of a list.

    Raises
    ------
    InputError
        As the recipe and `check` do, or if there is nothing to search.
    """
    if not space:
        raise InputError(f"there is nothing to search: give --search, such as {EXAMPLES}")
    first = replace(recipe, **{dimension.name: dimension.values[0] for dimension in space})
    check(first)
    for dimension in space:
        for value in dimension.values[1:]:
            check(replace(first, **{dimension.name: value}))


def _choices(name: str, given: str) -> tuple[Any, ...]:
    values = tuple(_parse_value(name, part.strip()) for part in given.split(","))
    if len(set(values)) < 2 or len(set(values)) < len(values):
        option = f"--{name.replace('_', '-')}"
        raise InputError(
            f"{name} needs at least two different values to choose from, got {given!r}; {option} gives it one value"
        )
    for value in values:
        if value is not None or not FIELDS[name].metadata["is_optional"]:
            FIELDS[name].metadata["check"](value, argument=name)
    return values


def _range(name: str, kind: str, ends: str) -> tuple[Any, ...]:
    said = FIELDS[name].metadata
    if said["kind"] not in (int, float):
        raise InputError(f"{name} has no range: list its values, such as {name}={_example(name)}")
    if kind != "log" and kind != said["kind"].__name__:
        better = said["kind"].__name__
        raise InputError(
            f"{name} takes {'integers' if better == 'int' else 'any numbers'}: write {name}={better}:{ends}"
        )
    parts = [part.strip() for part in ends.split(":")]
    if len(parts) != 2:
        raise InputError(f"the range of {name} must be {kind}:LOW:HIGH, got {kind}:{ends}")
    low, high = (said["check"](_parse_value(name, part), argument=name) for part in parts)
    if not low < high:
        raise InputError(f"the range of {name} must go from a lower to a higher value, got {kind}:{ends}")
    if kind == "log" and low <= 0:
        raise InputError(f"the range of {name} must begin above 0 for log, got {kind}:{ends}")
    return low, high


def _example(name: str) -> str:
    return "true,false" if FIELDS[name].metadata["kind"] is bool else "A,B"


def _parse_value(name: str, text: str) -> Any:
    """Return the value of a field that a text stands for, unchecked but of the field's type.

    Raises
    ------
    InputError
        If it stands for none.
    """
    said = FIELDS[name].metadata
    kind = said["kind"]
    if said["is_optional"] and text == "none":
        return None
    if kind is bool:
        return FLAGS[one_of(text, [*FLAGS, "none"] if said["is_optional"] else FLAGS, name)]
    try:
        if said["is_per_block"] and "-" in text.removeprefix("-"):
            return tuple(int(part) for part in text.split("-"))
        return kind(text)
    except ValueError as error:
        wanted = "an integer" if kind is int else "a number"
        blocks = ", or one for each block, such as 16-32-64" if said["is_per_block"] else ""
        raise InputError(f"{name} must be {wanted}{blocks}, got {text!r}") from error


def _format_value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value).removesuffix(".0")
