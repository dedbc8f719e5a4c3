"""The images of a packed folder on which a run is judged: its own, or those of other shards."""

from __future__ import annotations

import numpy as np

from golmu.analysis.labelled_images import JudgedImages, LabelledImages, check_shape, outputs_of
from golmu.data.shards.index import ShardIndex
from golmu.data.shards.sharded_images import ShardedImages
from golmu.errors import DataError, warn
from golmu.runs.data_record import DEFAULT_SPLIT
from golmu.runs.run import Run
from golmu.runs.sharded_data import ShardedData, label_shards


def judged_shards(run: Run, index: ShardIndex, *, is_given: bool) -> JudgedImages:
    """The images of a packed folder on which a run is judged, which stay on disk.

    Parameters
    ----------
    run
        The run, with its network.
    index
        The folder.
    is_given
        Whether it is said to be what the run was trained on.

    Raises
    ------
    DataError
        If it is said to be the run's own, and has changed; or images or classes are not the network's.
    """
    check_shape(index, run.predictor)
    if not is_own_shards(run, index):
        if is_given:
            raise DataError(
                f"{index.folder} has changed since the training of {run.folder}, so other images would be held out "
                "now: give the data as they were"
            )
        part = index.train if index.test is None else index.test
        return JudgedImages(test=_labelled(run, index, "test", ShardedImages(part.shards)))
    data = ShardedData(index, run.record.data.split or DEFAULT_SPLIT)
    test = None if index.test is None else _labelled(run, index, "test", ShardedImages(index.test.shards))
    return JudgedImages(_labelled(run, index, "validation", data.held_out), test)


def shards_to_evaluate(run: Run, index: ShardIndex, data: str | None) -> LabelledImages:
    """The test images of a packed folder; if it has none, what of it the network was not trained on.

    `data` is what the user gave for it; None: the run's own. Errors are those of `judged_shards`.
    """
    judged = judged_shards(run, index, is_given=data is None)
    if judged.test is not None:
        return judged.test
    assert judged.validation is not None
    if data is not None:
        warn(f"this is the run's own data: judged on its {len(judged.validation):,} validation images")
    return judged.validation


def is_own_shards(run: Run, index: ShardIndex) -> bool:
    """Whether the run was trained on these shards, wherever they lie now."""
    return run.record.data.test_digest == index.digest


def _labelled(run: Run, index: ShardIndex, name: str, images: ShardedImages) -> LabelledImages:
    outputs = outputs_of(index, np.arange(len(index.class_names)), run.predictor)
    return label_shards(name, images, outputs)
