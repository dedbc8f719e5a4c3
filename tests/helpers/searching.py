"""A small search for the tests: in this process, or in one of its own that may hang in the middle of a trial.

    python searching.py PLACE TRIALS [HANGS]

PLACE is a folder, whose journal keeps the trials, or the URL of a database. The process hangs in its trial HANGS,
counted from 1, once that has trained an epoch, until it is killed.
"""

import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from golmu.data import Dataset
from golmu.recipe import Recipe
from golmu.runs.job import SplitDataset
from golmu.tune.record import SearchRecord
from golmu.tune.search import Search
from golmu.tune.space import parse_space
from golmu.tune.storage import open_database, open_journal

STUDY = "rows"

RECIPE = Recipe(n_kernels=2, units=4, batch_size=8, learning_rate=0.1, epochs=4)

SPACE = ("learning_rate=log:0.01:1", "units=int:2:9", "n_kernels=1,2,1-2")


def make_split():
    """200 images of 6×5 pixels in 3 classes, each bright in other rows, a fifth of them held out."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 3
    images = rng.integers(0, 160, (200, 6, 5), np.uint8)
    for label in range(3):
        images[labels == label, 2 * label : 2 * label + 2] += 95
    return SplitDataset.of(Dataset.from_arrays(images, labels, name=STUDY), STUDY)


def make_record(split, recipe=RECIPE, space=SPACE, seed=3):
    return SearchRecord(
        STUDY, split.record, split.data.fingerprint, recipe, "any", parse_space(space), 8, seed, "fused"
    )  # fmt: skip


@contextmanager
def joined(place, split=None, **changes):
    """The search in the journal of a folder, or in a database."""
    split = split or make_split()
    is_database = "://" in str(place)
    with open_database(place, STUDY) if is_database else open_journal(Path(place)) as shared:
        yield Search.join(make_record(split, **changes), split, shared, threads=1)


def say(*words):
    print(*words, flush=True)


if __name__ == "__main__":
    hangs = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    begun = []

    def hang(progress):
        if len(begun) == hangs and progress.epoch == 1:
            say("hangs", begun[-1])
            time.sleep(600)

    with joined(sys.argv[1]) as search:
        search.run(
            int(sys.argv[2]), lambda trial: say(trial.number, trial.state), [hang],
            on_wait=lambda: say("waits"), on_begin=begun.append,
        )  # fmt: skip
    say("ends")
