"""A training for the tests of faults: a process that goes on in a folder, or begins, and may die at a chosen moment.

    python killed.py FOLDER N_KERNELS [MOMENT]

N_KERNELS is a number, or one for each block with commas. Every batch is a slice and writes a checkpoint, so that
whenever it is killed it is likely to be writing. MOMENT is a function of the operating system and a count: "fsync 7"
kills the process, as kill -9 would, at its seventh fsync.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from golmu.architecture import Architecture
from golmu.recipe import Recipe
from golmu.runs import recorder
from golmu.runs.job import TrainingData, TrainingJob, open_to_resume
from golmu.training import loop

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


def train(folder=None, callback=None, n_kernels=2):
    """A training in `folder`, started or resumed there; without scikit-learn, to start soon."""
    architecture = Architecture(6, 5, 1, n_kernels, 4, 3)
    engine, rng = loop.begin(architecture, "fused", None, 3)
    recipe = Recipe(n_kernels=n_kernels, units=4, batch_size=8, learning_rate=0.2, epochs=EPOCHS)
    training = loop.Training(engine, recipe, rng)
    data = TrainingData(X, Y, (X[:20], Y[:20]), np.arange(3), ("0", "1", "2"))
    job, callbacks = TrainingJob.from_arrays(data, training, seed=3), [] if callback is None else [callback]
    if folder is None:
        job.run()
    elif (folder / "run.json").exists():
        with open_to_resume(folder) as run:
            job.resume(run, callbacks)
    else:
        job.start(folder, callbacks)
    return training


if __name__ == "__main__":
    loop.SLICE_SECONDS = recorder.CHECKPOINT_SECONDS = 0
    if len(sys.argv) > 3:
        name, number = sys.argv[3].split()
        die_at(name, int(number))
    lines = iter(["trains"])
    kernels = [int(number) for number in sys.argv[2].split(",")]
    train(Path(sys.argv[1]), lambda progress: print(next(lines, ""), end="", flush=True), kernels)
    print("ends", flush=True)
