"""A training made ready: data that are split once for several trainings, and a training in memory that is kept."""

import numpy as np
import pytest
from live import SMALL, small_dataset

from golmu.errors import DataError
from golmu.recipe import RECIPES
from golmu.runs.job import SplitDataset, TrainingJob, open_to_resume
from golmu.runs.run import Run


class StoppedError(Exception):
    pass


def job_of(split, **changes):
    recipe = RECIPES["chapter"].override({**SMALL, "optimizer": "nesterov", "epochs": 3} | changes)
    return TrainingJob.from_split(split, recipe, recipe_name="chapter", engine="fused")


@pytest.fixture
def split(tmp_path):
    path = tmp_path / "small.npz"
    images = small_dataset().train
    np.savez(path, x=images.images, y=images.labels)
    return SplitDataset.of(small_dataset(names=("0", "1", "2")), str(path))


def test_a_split_is_that_of_the_data_set(split):
    dataset = small_dataset(names=("0", "1", "2"))
    one = TrainingJob.from_dataset(dataset, split.argument, job_of(split).record.recipe, engine="fused")
    assert one.data.fingerprint == job_of(split).data.fingerprint
    assert one.record.data == split.record
    assert split.name == "small"


def test_one_class_is_too_few(tmp_path):
    dataset = small_dataset()
    dataset.train.labels[:] = 1
    with pytest.raises(DataError, match="small holds one class only, 'middle': at least 2 are needed"):
        SplitDataset.of(dataset, "small")


@pytest.mark.parametrize("at", [1, 5, 12, 20])
def test_a_training_that_is_kept_continues_with_the_same_bits(split, tmp_path, at):
    seen, job = [0], job_of(split)
    job.training.longest_slice = 1

    def stop(progress):
        seen[0] += len(progress.batch_losses)
        if seen[0] == at:
            raise StoppedError

    with pytest.raises(StoppedError):
        job.training.run(*job.prepared, 3, [stop])
    run = job_of(split).keep(job.training.state(), runs=tmp_path / "runs")
    assert (run.folder.name, run.record.status) == ("small-chapter", "interrupted")
    whole = job_of(split)
    whole.run()
    with open_to_resume(run.folder) as begun:
        job_of(split).resume(begun)
    ended = Run.open(run.folder)
    assert ended.record.status == "finished"
    assert ended.history.losses == whole.training.history.losses
    for name, weight in whole.training.engine.get_weights().items():
        assert np.array_equal(ended.predictor.model.weights[name], weight)


def test_a_finished_training_is_kept_as_such(split, tmp_path):
    states, job = [], job_of(split)
    job.training.run(*job.prepared, 3, [lambda progress: states.append(job.training.state())])
    run = job_of(split).keep(states[-1], "mine", runs=tmp_path / "runs")
    assert (run.folder.name, run.record.status, run.results.epochs) == ("mine", "finished", 3)
    assert run.record.seconds == pytest.approx(sum(states[-1].history.seconds), abs=5)
