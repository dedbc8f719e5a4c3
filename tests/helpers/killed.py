"""A training for the tests of faults: a process that goes on in a folder, or begins, and may die at a chosen moment.

    python killed.py FOLDER [MOMENT]

Every batch is a slice and writes a checkpoint, so that whenever it is killed it is likely to be writing. MOMENT is a
function of the operating system and a count: "fsync 7" kills the process, as kill -9 would, at its seventh fsync.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from golmu.architecture import Architecture
from golmu.recipe import Recipe
from golmu.runs import recorder as keeper
from golmu.runs.fitting import Samples, fit_in_folder
from golmu.training import loop as training

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (60, 6, 5), np.uint8)[..., None], np.arange(60) % 3
EPOCHS = 80


def die_at(function, count):
    """Kills this process as it calls os.`function` for the count-th time."""
    real, calls = getattr(os, function), []

    def wrapped(*arguments, **options):
        calls.append(function)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    setattr(os, function, wrapped)


def train(folder=None, callback=None):
    """The engine and the history of a training in `folder`, or going on there; without scikit-learn, to start soon."""
    architecture = Architecture(6, 5, 1, 2, 4, 3)
    engine, rng = training.begin(architecture, "fused", None, 3)
    running = training.Training(
        engine, Recipe(n_kernels=2, units=4, batch_size=8, learning_rate=0.2, epochs=EPOCHS), rng
    )
    samples = Samples(X, Y, (X[:20], Y[:20]), np.arange(3))
    if folder is None:
        running.run(*samples.prepared(engine), EPOCHS)
    else:
        has_begun = (folder / "run.json").exists()
        fit_in_folder(
            samples, running, architecture, [] if callback is None else [callback],
            run=None if has_begun else folder, resume=folder if has_begun else None, allow_inexact=False,
            random_state=3, beside={},
        )  # fmt: skip
    return running


if __name__ == "__main__":
    training.SLICE_SECONDS = keeper.CHECKPOINT_SECONDS = 0
    if len(sys.argv) > 2:
        name, number = sys.argv[2].split()
        die_at(name, int(number))
    lines = iter(["trains"])
    train(Path(sys.argv[1]), lambda progress: print(next(lines, ""), end="", flush=True))
    print("ends", flush=True)
