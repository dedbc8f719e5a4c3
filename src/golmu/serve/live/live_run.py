"""What is kept of each run of a visitor, so that runs stay on the chart after their training has ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.names import printable
from golmu.recipe import Recipe

MAX_RUNS = 20
"""Runs that are kept of one visitor; the oldest is dropped."""


@dataclass
class LiveRun:
    """A training of a visitor: its settings, and how far it has come."""

    number: int
    data_set: str
    """The name of the data set, as `golmu.serve.live.data_sets.DataSets` has it."""
    title: str
    """What the data set is called, or the folder of a run that was opened."""
    recipe_name: str
    """The name of the recipe that it began from."""
    recipe: Recipe
    seed: int
    status: str = "loading"
    progress: dict[str, Any] = field(default_factory=dict)
    """What the last frame said of it, its arrays apart."""
    steps: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    losses: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """The points of its curve (m,), and how many batches were trained at the end of each."""

    @property
    def settings(self) -> dict[str, Any]:
        """What identifies the run to the page."""
        return {
            "data_set": self.data_set, "recipe": self.recipe_name, "settings": asdict(self.recipe), "seed": self.seed
        }  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Return all that the page shows of it."""
        return {
            "id": self.number,
            "title": printable(self.title),
            "status": self.status,
            **self.settings,
            "epochs": self.recipe.epochs,
            **self.progress,
            "steps": self.steps.tolist(),
            "losses": self.losses.tolist(),
        }
