"""Golmu trains, explains and ships small convolutional image classifiers on the computer you already have.

The public names are imported when they are first used, so that `import golmu` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from golmu.about import VERSION

if TYPE_CHECKING:
    from golmu.data import Dataset, ImageSet, load_dataset
    from golmu.estimator.explain import explain
    from golmu.estimator.network import ConvolutionNetwork, NotFittedError
    from golmu.export.exporting import export
    from golmu.model.fitting import fit_image
    from golmu.model.prediction import Prediction
    from golmu.model.predictor import Predictor
    from golmu.recipe import RECIPES, Recipe
    from golmu.runs.run import Run, load

__version__ = VERSION

_HOME_OF = {
    "ConvolutionNetwork": "golmu.estimator.network",
    "Dataset": "golmu.data",
    "ImageSet": "golmu.data",
    "NotFittedError": "golmu.estimator.network",
    "Prediction": "golmu.model.prediction",
    "Predictor": "golmu.model.predictor",
    "RECIPES": "golmu.recipe",
    "Recipe": "golmu.recipe",
    "Run": "golmu.runs.run",
    "explain": "golmu.estimator.explain",
    "fit_image": "golmu.model.fitting",
    "load": "golmu.runs.run",
    "load_dataset": "golmu.data",
}

__all__ = [  # noqa: RUF022  classes first, then functions
    "ConvolutionNetwork",
    "Dataset",
    "ImageSet",
    "NotFittedError",
    "Prediction",
    "Predictor",
    "RECIPES",
    "Recipe",
    "Run",
    "explain",
    "export",
    "fit_image",
    "load",
    "load_dataset",
]


def __getattr__(name: str) -> Any:
    if name == "export":  # the package itself, which can be called
        return import_module("golmu.export")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'golmu' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
