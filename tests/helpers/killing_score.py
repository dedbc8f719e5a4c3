"""Scores for scikit-learn's searches: one of them kills the process that computes it first, as kill -9 would."""

import os
import signal
from functools import partial


def accuracy(network, images, labels):
    return float((network.predict(images) == labels).mean())


def accuracy_that_kills_once(mark):
    """A score that leaves a file at `mark` and kills its process, unless the file is there already."""
    return partial(_kill_or_score, mark)


def _kill_or_score(mark, network, images, labels):
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return accuracy(network, images, labels)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process outlives no SIGKILL")
