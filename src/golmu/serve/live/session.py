"""A visitor's training, from its start until it is reset or another one takes its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from golmu.recipe import Recipe
from golmu.runs.job import SplitDataset, TrainingJob
from golmu.serve.live.live_run import LiveRun
from golmu.serve.live.settings import check_network
from golmu.serve.live.trainer import Trainer

IDLE, LOADING, WAITING, TRAINING, PAUSED = "idle", "loading", "waiting", "training", "paused"
ENDED = ("finished", "diverged", "failed")
"""What a training of a visitor may be doing; without one, the visitor is idle."""


@dataclass
class Session:
    """A training of a visitor, from its start until it is reset or another one takes its place."""

    run: LiveRun
    trainer: Trainer
    split: Callable[[], SplitDataset]
    """Returns the data that it trains on."""
    wants_to_train: bool
    """Whether it trains as soon as it can."""
    unit: str | None
    """How far it trains then: one of `golmu.serve.live.trainer.UNITS`; None: to the end."""
    turn: int = 0
    n_threads: int = 0
    place: int | None = None
    """Its place in the queue, from 1."""
    message: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    """What the page is told beside of a training that has diverged."""


def make_job(split: Callable[[], SplitDataset], recipe: Recipe, name: str, seed: int) -> TrainingJob:
    """Load the data, and make a training ready on them.

    Raises
    ------
    GolmuError
        If the data cannot be had, or the settings cannot be used with them.
    """
    data = split()
    height, width, channels = data.data.images.shape[1:]
    check_network(recipe, (height, width, channels), len(data.data.classes))
    return TrainingJob.from_split(data, recipe, recipe_name=name, engine="fused", seed=seed)
