"""Golmu in the race to an accuracy: the loop that `ConvolutionNetwork.fit` runs, with the engine `fused`."""

import time
from contextlib import suppress

import numpy as np

from golmu.architecture import Architecture
from golmu.engines import load_ahead
from golmu.engines.contract import Prepared, Score
from golmu.engines.fused.engine import FusedEngine
from golmu.training.history import Progress
from golmu.training.loop import Training

from .race import Race


class TargetReached(Exception):  # noqa: N818  it is no error
    """Ends the training."""


class TimedEngine(FusedEngine):
    """The engine, with the duration of its last validation."""

    validation_seconds = 0.0

    def evaluate(self, data: Prepared, *, averaged: bool = False) -> Score:
        """Validates as the engine does."""
        start = time.perf_counter()
        evaluation = super().evaluate(data, averaged=averaged)
        self.validation_seconds = time.perf_counter() - start
        return evaluation


def main() -> None:
    """Race."""
    load_ahead("fused")  # as `golmu train` does, while the data are read
    race = Race("golmu", __doc__, required={"patience": None})
    recipe, data = race.recipe, race.data
    architecture = Architecture(*race.image_shape, recipe.n_kernels, recipe.units, data.classes)
    engine = TimedEngine(architecture, race.args.threads, race.preprocessing)
    validation = engine.prepare(data.x_val, data.y_val)

    # Kernels are taken from numba's cache when they are first called: two batches call them all.
    few = slice(0, 2 * recipe.batch_size)
    engine.set_weights(race.initial_weights())
    Training(engine, recipe, np.random.default_rng(0)).run(
        engine.prepare(data.x_train[few], data.y_train[few]), engine.prepare(data.x_val[few], data.y_val[few]), 1
    )
    engine.set_weights(race.initial_weights())

    def tell(progress: Progress) -> None:
        if progress.samples == 0:
            history = progress.history
            seconds = history.seconds[-1] - engine.validation_seconds
            if race.note(seconds, history.losses[-1], history.val_accuracies[-1]):
                raise TargetReached

    with suppress(TargetReached):
        Training(engine, recipe, race.rng).run(
            engine.prepare(data.x_train, data.y_train), validation, recipe.epochs, [tell]
        )
    race.finish()


if __name__ == "__main__":
    main()
