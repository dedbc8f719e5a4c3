"""What a page can ask of the server, and what it hears."""

import threading

import numpy as np
import pytest
from live import ENDLESS, SMALL, served, small_hall

from golmu.recipe import FIELDS
from golmu.runs.run import Run


def test_a_visitor_is_greeted(page):
    hello = page.hello
    own, fashion, digits = hello["data_sets"]
    assert (own["name"], own["title"], own["n_images"], own["shape"]) == ("own", "small", 120, [6, 5, 1])
    assert own["class_names"] == ["top", "middle", "bottom"]
    assert (fashion["name"], digits["name"], digits["is_here"]) == ("fashion-mnist", "digits", True)
    assert hello["data_set"] == "own"
    assert set(hello["fields"]) == set(FIELDS)
    assert (hello["run"], hello["runs"]) == (None, [])
    state, _ = page.until("state")
    assert (state["status"], state["run"]) == ("idle", None)


def test_two_epochs_are_seen(page):
    page.start(epochs=2)
    state, _ = page.until("state", status="training")
    assert (state["run"], state["epochs"], state["data_set"]) == (1, 2, "own")
    assert state["settings"]["units"] == SMALL["units"]
    run = page.until("run")[0]["run"]
    assert page.until("state")[0]["status"] == "finished"
    assert len(run["val_accuracies"]) == 2
    assert run["steps"] == list(range(1, 25))
    while len(page.losses.get(1, ())) < 24:
        page.until("frame")
    assert np.allclose(page.losses[1], run["losses"])


def test_pause_step_go_and_reset(page):
    page.start(**ENDLESS, steps="batch")
    assert page.until("state", status="paused")[0]["steps"] == 1
    page.ask(do="step", unit="batch")
    assert page.until("state", status="paused")[0]["steps"] == 2
    page.ask(do="step", unit="epoch")
    assert page.until("state", status="paused")[0]["epoch"] == 1
    page.ask(do="go")
    page.until("state", status="training")
    page.ask(do="pause")
    paused, _ = page.until("state", status="paused")
    assert paused["steps"] >= 12
    page.send(do="reset")
    assert page.until("run")[0]["run"]["status"] == "stopped"
    assert page.until("state")[0]["status"] == "idle"


def test_commands_in_quick_succession_end_as_the_last_says(page):
    page.start(**ENDLESS)
    page.until("state", status="training")
    for _ in range(20):
        page.send(do="pause")
        page.send(do="go")
    page.send(do="pause")
    page.until("state", status="paused")
    assert page.ask(do="weights")[0]["kind"] == "weights"
    page.ask(do="go")
    page.until("state", status="training")


def test_an_untrained_network_can_be_looked_at(page):
    page.start(steps="none")
    page.until("state", status="paused")
    weights, _ = page.ask(do="weights")
    assert (weights["network"]["kernels"], weights["epoch"], weights["batch"]) == ([2], 0, 0)
    assert weights["network"]["names"] == ["top", "middle", "bottom"]
    assert set(weights["files"]) == {"ground", "inversion"}
    images, arrays = page.ask(do="images", which="random", n=7, seed=3)
    assert len(images["items"]) == 7
    assert arrays["pixels"].shape == (7, 6, 5, 1)
    one, alone = page.ask(do="image", index=images["items"][2]["index"])
    assert one["label"] == images["items"][2]["label"]
    assert np.array_equal(alone["pixels"], arrays["pixels"][2])


def test_runs_stay_for_comparison(page):
    for rate in (0.05, 0.01):
        page.start(epochs=1, learning_rate=rate)
        page.until("state", status="finished")
    runs = [values["run"] for values, _ in page.heard if values["kind"] == "run"]
    assert {run["id"]: run["settings"]["learning_rate"] for run in runs} == {1: 0.05, 2: 0.01}


def test_a_run_that_diverges_says_where(page):
    page.start(epochs=5, learning_rate=1e30, record_loss="before")
    state, _ = page.until("state", status="diverged")
    assert (state["bad_batch"], state["learning_rate"]) == (2, 1e30)
    assert np.isfinite(state["loss"])
    assert page.ask(do="weights")[0]["reason"] == "diverged"
    assert "diverged" in page.ask(do="images", which="random")[0]["message"]
    assert "nothing to go" in page.ask(do="go")[0]["message"]
    page.start(epochs=1)
    page.until("state", status="finished")


def test_a_slow_page_misses_frames_and_loses_nothing_else(live):
    with live.page(sees=False) as page:
        page.start(epochs=60)
        page.until("state", status="finished")
        frames = [values for values, _ in page.heard if values["kind"] == "frame"]
        assert len(frames) == 1
        page.send(do="seen", frame=frames[0]["frame"], points=len(page.losses[1]))
        page.until("frame")
        assert len(page.losses[1]) == 60 * 12


def test_the_pinned_image_is_shown(page):
    page.start(steps="none")
    _, first = page.until("frame")
    page.send(do="pin", index=5)
    _, second = page.until("frame", pinned=5)
    assert not np.array_equal(first["maps"], second["maps"])


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"do": "fly"}, "do must be one of start, pause"),
        ({"do": "go"}, "there is no training to go: start one"),
        ({"do": "images", "which": "random"}, "there is no network yet: start a training"),
        ({"do": "images", "which": "random", "n": 61}, "n must be an integer from 1 to 60, got 61"),
        ({"do": "save", "name": "x"}, "there is no training to keep: start one"),
        ({"do": "start", "data_set": "/etc"}, "data_set must be one of own, fashion-mnist, digits, got '/etc'"),
        ({"do": "start", "steps": "two"}, "steps must be one of batch, epoch, none, got 'two'"),
        ({"do": "pin", "index": -1}, "index must be an integer of at least 0, got -1"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(page, message, error):
    answer, _ = page.ask(**message)
    assert (answer["kind"], answer["do"]) == ("error", message["do"])
    assert answer["message"].startswith(error)


def test_a_training_is_saved_as_a_run_folder(tmp_path):
    hall = small_hall(tmp_path)
    with served(hall) as server, server.page() as page:
        page.start(epochs=3)
        page.until("state", status="finished")
        for name, folder in (("../../my run/1", "_.._my run_1"), ("my run", "my run"), ("my run", "my run-2")):
            saved, _ = page.ask(do="save", name=name)
            assert saved["folder"] == str(tmp_path / "runs" / folder)
        assert page.ask(do="save", name=" ")[0]["message"] == "the name is empty: give the run a name"
        accuracy = next(values for values, _ in page.heard if values["kind"] == "run")["run"]["val_accuracies"][-1]
    run = Run.open(tmp_path / "runs/my run")
    assert run.record.status == "finished"
    assert run.recipe.units == SMALL["units"]
    assert run.results.val_accuracy == pytest.approx(accuracy)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["runs"]


def test_above_the_limit_visitors_wait_and_hear_their_place(tmp_path):
    with served(small_hall(tmp_path, n_places=1)) as server, server.page() as first, server.page() as second:
        first.start(**ENDLESS)
        first.until("state", status="training")
        second.start(epochs=1)
        assert second.until("state", status="waiting")[0]["place"] == 1
        with server.page() as third:
            third.start(epochs=1)
            assert third.until("state", status="waiting")[0]["place"] == 2
            second.ask(do="pause")
            assert third.until("state", status="waiting")[0]["place"] == 1
            first.ask(do="pause")
            third.until("state", status="finished")
        second.ask(do="go")
        second.until("state", status="finished")


def test_a_flood_of_starts_does_not_pile_up(live):
    with live.page() as page:
        for _ in range(100):
            page.send(do="start", settings=SMALL | ENDLESS)
        page.until("state", status="training")
        assert sum(thread.name == "golmu-trainer" for thread in threading.enumerate()) < 12
        page.ask(do="reset")
