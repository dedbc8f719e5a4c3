"""The parameters of `ConvolutionNetwork`: the fields of a `Recipe`, with the chapter's defaults, and a few more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from inspect import signature
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from golmu.errors import InputTypeError
from golmu.recipe import FIELDS, Recipe, get_recipe

if TYPE_CHECKING:
    from typing import Self


class RecipeParameters:
    """Keeps the parameters as they are given, as scikit-learn requires; `fit` checks them."""

    def __init__(
        self,
        n_kernels: int | tuple[int, ...] = 10,
        units: int = 10,
        batch_size: int = 32,
        learning_rate: float = 0.1,
        *,
        engine: str = "auto",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        record_loss: str = "after",
        n_threads: int | None = None,
        patience: int | None = None,
        epochs: int = 100,
        image_shape: tuple[int, ...] | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        warm_start: bool = False,
        optimizer: str = "sgd",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        schedule: str = "constant",
        warmup: float = 0.0,
        final_rate: float = 0.0,
        final_batch_size: int | None = None,
        label_smoothing: float = 0.0,
        feature_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        flip: bool = False,
        shift: int = 0,
        erase: int = 0,
        ema: float = 0.0,
        average_epochs: int = 0,
        test_flip: bool | None = None,
        standardize: bool = False,
    ) -> None:
        self.n_kernels = n_kernels
        self.units = units
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.engine = engine
        self.random_state = random_state
        self.record_loss = record_loss
        self.n_threads = n_threads
        self.patience = patience
        self.epochs = epochs
        self.image_shape = image_shape
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.optimizer = optimizer
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup = warmup
        self.final_rate = final_rate
        self.final_batch_size = final_batch_size
        self.label_smoothing = label_smoothing
        self.feature_dropout = feature_dropout
        self.hidden_dropout = hidden_dropout
        self.flip = flip
        self.shift = shift
        self.erase = erase
        self.ema = ema
        self.average_epochs = average_epochs
        self.test_flip = test_flip
        self.standardize = standardize

    @classmethod
    def from_recipe(cls, recipe: str | Recipe, **changes: Any) -> Self:
        """Make a network with the parameters of a recipe.

        Parameters
        ----------
        recipe
            The name of one (`golmu recipes` lists them), or a `golmu.Recipe`.
        changes
            Parameters that replace the recipe's, and those that no recipe has: `engine`, `n_threads`, `random_state`,
            `image_shape`, `class_weight`, `warm_start`.

        Raises
        ------
        InputError, InputTypeError
            If there is no such recipe or parameter.

        Examples
        --------
        >>> from golmu import ConvolutionNetwork
        >>> ConvolutionNetwork.from_recipe("chapter", epochs=5).learning_rate
        0.01
        """
        known = list(signature(cls.__init__).parameters)[1:]
        for name in changes:
            if name not in known:
                close = get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
                raise InputTypeError(f"{cls.__name__} has no parameter {name!r}: {hint}")
        chosen = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
        return cls(**(asdict(chosen) | changes))

    def _recipe(self, epochs: int | None = None) -> Recipe:
        """Check the parameters, and return them as a recipe, with another number of epochs if there is one."""
        values = {name: getattr(self, name) for name in FIELDS}
        return Recipe(**(values if epochs is None else values | {"epochs": epochs}))


Class = TypeVar("Class", bound=type[RecipeParameters])


def document_parameters(network: Class) -> Class:
    """Fill `{recipe}` in the docstring of a class with the parameters that are fields of a recipe."""
    defaults = {name: one.default for name, one in signature(network.__init__).parameters.items()}
    lines = []
    for name in (name for name in defaults if name in FIELDS):
        one = FIELDS[name]
        kind = one.metadata["kind"].__name__
        several = f" or tuple of {kind}s" if one.metadata["is_per_block"] else ""
        optional = ", optional" if one.metadata["is_optional"] else f", default {defaults[name]!r}"
        lines.append(f"{name} : {kind}{several}{optional}")
        lines += wrap(one.metadata["help"], 112, initial_indent="    ", subsequent_indent="    ")
    if network.__doc__ is not None:  # None under python -OO
        network.__doc__ = network.__doc__.replace("{recipe}", "\n    ".join(lines))
    return network
