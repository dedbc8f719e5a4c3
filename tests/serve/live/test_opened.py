"""A run folder that the page is opened on."""

import shutil

import numpy as np
import pytest
from live import served

from golmu.errors import DataError, RunError
from golmu.runs.run import Run
from golmu.serve.live.data_sets import OWN, DataSets
from golmu.serve.live.hall import Hall
from golmu.serve.live.opened import open_run


def test_a_run_is_shown_with_its_images(finished, data, tmp_path):
    opened = open_run(finished.folder)
    run = Run.open(finished.folder)
    described = opened.entry.describe()
    assert described["val_accuracies"] == run.history.val_accuracies
    assert described["steps"] == described["epoch_steps"]
    assert described["data_set"] == OWN
    hall = Hall(DataSets(opened.own, opened.entry.recipe_name, first=OWN), opened, runs=tmp_path)
    with served(hall) as server, server.page() as page:
        assert (page.hello["run"], page.hello["data_set"]) == (0, "own")
        assert page.hello["runs"][0]["settings"]["units"] == run.recipe.units
        validation = opened.snapshot.images
        frame, arrays = page.until("frame")
        assert (frame["run"], frame["n_judged"], frame["first_point"]) == (0, len(validation), 0)
        accuracy = run.predictor.probabilities(validation.images).argmax(axis=1) == validation.labels
        assert arrays["confusion"].trace() == accuracy.sum()
        assert arrays["kernels"].shape[3] == arrays["maps"].shape[2] == run.recipe.n_kernels
        page.send(do="pin", index=2)
        assert page.until("frame")[0]["pinned"] == 2
        page.send(do="pin", index=10**6)
        assert page.until("frame")[0]["pinned"] == 0
        weights, _ = page.ask(do="weights")
        assert weights["network"]["kernels"] == list(run.predictor.model.architecture.kernels)
        images, arrays = page.ask(do="images", which="random", n=4)
        predicted = run.predictor.probabilities(arrays["pixels"]).argmax(axis=1)
        assert [item["predicted"] for item in images["items"]] == predicted.tolist()


def test_without_its_data_the_network_is_still_there(finished, data, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    record = folder / "run.json"
    record.write_text(record.read_text().replace(str(data), str(tmp_path / "gone")))
    opened = open_run(folder)
    assert opened.snapshot.images is None
    assert opened.frame(0) is None
    assert "are no longer at" in opened.snapshot.missing
    again = open_run(folder, str(data))
    assert np.array_equal(again.snapshot.images.images, open_run(finished.folder).snapshot.images.images)
    with pytest.raises(DataError, match=r"is not|has changed|holds images of shape"):
        open_run(folder, "digits")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="is not a run folder"):
        open_run(tmp_path)
