"""scikit-learn's searches with Dask: the same scores as in this process, also where a worker is killed."""

import joblib
import numpy as np
import pytest
from killing_score import accuracy, accuracy_that_kills_once
from sklearn.model_selection import GridSearchCV

from golmu import ConvolutionNetwork

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

GRID = {"n_kernels": [2, 4], "learning_rate": [0.05, 0.2]}


@pytest.fixture(scope="module")
def cluster():
    """Two processes with one thread each, and a client that sends them work.

    Every two seconds Dask drops copies of the images that it takes for needless, so that it was chance whether a worker
    that died had the last one. Here it would drop them at once, and is told not to, as docs/en/how-to/search.md says.
    """
    with (
        dask.config.set({"distributed.scheduler.active-memory-manager.interval": "20ms"}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.amm.stop()
        yield client


@pytest.fixture(scope="module")
def arrays(digits):
    images, labels = digits
    return images[:90], labels[:90]  # so few that their numbers travel with each training: see docs/en/how-to/search.md


def search(arrays, scoring):
    """The mean scores of twelve trainings, each with one thread."""
    network = ConvolutionNetwork.from_recipe("quick", epochs=2, batch_size=16, random_state=0, n_threads=1)
    found = GridSearchCV(network, GRID, cv=3, scoring=scoring, refit=False).fit(*arrays)
    return [found.cv_results_[f"split{part}_test_score"].tolist() for part in range(3)]


@pytest.fixture(scope="module")
def scores(arrays):
    """The scores of this process, which leaves the kernels compiled for all others."""
    return search(arrays, accuracy)


def test_dask_gives_the_scores_of_this_process_and_of_loky(arrays, scores, cluster):
    assert np.ptp(scores) > 0
    with joblib.parallel_config("loky", n_jobs=2):
        assert search(arrays, accuracy) == scores
    with joblib.parallel_config("dask", scatter=list(arrays)):
        assert search(arrays, accuracy) == scores


def test_a_worker_that_is_killed_costs_no_score(arrays, scores, cluster, tmp_path):
    with joblib.parallel_config("dask", scatter=list(arrays)):
        assert search(arrays, accuracy_that_kills_once(tmp_path / "killed")) == scores
    assert (tmp_path / "killed").exists()
