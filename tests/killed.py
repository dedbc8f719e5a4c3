"""A training for the tests of faults: a process that goes on in a folder, or begins, and may die at a chosen moment.

    python killed.py FOLDER ENGINE [MOMENT]

Every batch is a slice and writes a checkpoint, so that whenever it is killed it is likely to be writing. MOMENT is a
function of the operating system and a count: "fsync 7" kills the process, as kill -9 would, at its seventh fsync.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from golmu import ConvolutionNetwork, keeper, training

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (60, 6, 5), np.uint8), np.arange(60) % 3
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


def train(folder=None, engine="fused", callback=None):
    """The network, trained in `folder`, or going on there."""
    network = ConvolutionNetwork(2, 4, 8, 0.2, engine=engine, random_state=3)
    has_begun = folder is not None and (folder / "run.json").exists()
    where = {} if folder is None else {"resume": folder} if has_begun else {"run": folder}
    return network.fit(X, Y, EPOCHS, X[:20], Y[:20], callback=callback, **where)


if __name__ == "__main__":
    training.SLICE_SECONDS = keeper.CHECKPOINT_SECONDS = 0
    if len(sys.argv) > 3:
        name, number = sys.argv[3].split()
        die_at(name, int(number))
    lines = iter(["trains"])
    train(Path(sys.argv[1]), sys.argv[2], lambda progress: print(next(lines, ""), end="", flush=True))
    print("ends", flush=True)
