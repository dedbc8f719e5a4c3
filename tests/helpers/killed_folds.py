"""A training over folds for the tests of faults: a process that goes on in a folder, or begins, and may die there.

    python killed_folds.py FOLDER [MOMENT]

Every batch is a slice and writes a checkpoint, as in `killed.py`, where MOMENT is described.
"""

import sys
from pathlib import Path

import numpy as np
from killed import X, Y, die_at

from golmu.data import Dataset, ImageSet
from golmu.recipe import Recipe
from golmu.runs import recorder
from golmu.runs.data_record import Split
from golmu.runs.folds import FoldedTraining
from golmu.runs.job import open_to_resume
from golmu.training import loop

EPOCHS = 3


class Listener:
    """Hears what goes on, and says once that it trains."""

    def __init__(self, callback=None):
        self.callback, self.ended = callback, []

    def begin(self, fold, folder, job):
        self.fold, self.job = fold, job

    def __call__(self, progress):
        if self.callback is not None:
            self.callback(progress)

    def end(self, fold, run):
        self.ended.append((fold, run.results.val_accuracy))


def folded(labels=Y, **changes):
    dataset = Dataset("small", ImageSet(X, labels.astype(np.int64)), None, ("0", "1", "2"), "memory")
    given = {"n_kernels": 2, "units": 4, "batch_size": 8, "learning_rate": 0.2, "epochs": EPOCHS, **changes}
    return FoldedTraining(dataset, "/nowhere/small", Recipe(**given), Split.of_folds(3), engine="fused", seed=3)


def train(folder, callback=None, **changes):
    """Trains in `folder`, started or resumed there; returns how it ended, and the listener."""
    listener = Listener(callback)
    if (folder / "run.json").exists():
        with open_to_resume(folder) as run:
            return folded(**changes).resume(run, listener), listener
    return folded(**changes).start(listener, folder), listener


if __name__ == "__main__":
    loop.SLICE_SECONDS = recorder.CHECKPOINT_SECONDS = 0
    if len(sys.argv) > 2:
        name, number = sys.argv[2].split()
        die_at(name, int(number))
    lines = iter(["trains"])
    train(Path(sys.argv[1]), lambda progress: print(next(lines, ""), end="", flush=True))
    print("ends", flush=True)
