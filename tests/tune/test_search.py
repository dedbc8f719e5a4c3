"""A search: its trials, what ends them early, and processes that share them, some of which are killed."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import searching
from postgres import find_binaries, server
from searching import RECIPE, joined, make_split

from golmu.errors import RunError
from golmu.runs.job import TrainingJob
from golmu.tune import search as search_module
from golmu.tune.results import best_of, ranking

optuna = pytest.importorskip("optuna")


def start(*arguments):
    command = [sys.executable, searching.__file__, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def run(place, n_trials, callbacks=(), **changes):
    """The trials that end in this process, and all there are then."""
    shown = []
    with joined(place, **changes) as search:
        search.run(n_trials, shown.append, callbacks)
        return shown, search.results()


def plain(results):
    return [(one.number, one.state, one.settings, one.loss, one.accuracy, one.epochs) for one in results]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All trials of a search that nothing interrupted."""
    return run(tmp_path_factory.mktemp("whole"), 12)[1]


def test_a_search_tries_the_recipe_first_and_then_others(whole):
    assert [one.number for one in whole] == list(range(12))
    assert whole[0].settings == {"learning_rate": 0.1, "units": 4, "n_kernels": 2}
    assert len({tuple(one.settings.values()) for one in whole}) == 12
    for one in whole:
        assert 0.01 <= one.settings["learning_rate"] <= 1
        assert one.settings["n_kernels"] in (1, 2, (1, 2))
        assert one.state in ("finished", "pruned")
        assert one.epochs == RECIPE.epochs or one.state == "pruned"
    assert {one.state for one in whole} == {"finished", "pruned"}


@pytest.mark.parametrize(("flip", "values", "first"), [
    (True, "true,false", True), (False, "true,false", False), (True, "false,none", None), (False, "none,true", None),
])  # fmt: skip
def test_the_first_trial_predicts_as_the_recipe_does(flip, values, first, tmp_path):
    space = ("learning_rate=log:0.01:1", f"test_flip={values}")
    shown, _ = run(tmp_path, 1, recipe=replace(RECIPE, flip=flip), space=space)
    assert shown[0].settings == {"learning_rate": 0.1, "test_flip": first}


def test_a_trial_is_the_training_that_its_settings_make(whole):
    best = best_of(whole)
    job = TrainingJob.from_split(make_split(), RECIPE.override(best.settings), engine="fused", seed=3)
    job.run()
    assert job.training.history.val_losses[-1] == best.loss
    assert job.training.history.val_accuracies[-1] == best.accuracy
    assert best == ranking(whole)[0]
    assert best.loss == min(one.loss for one in whole if one.state == "finished")


def test_a_search_repeats_itself_also_where_it_was_interrupted(whole, tmp_path):
    def interrupt(progress):
        if progress.epoch == 2 and next(counted, None) is None:
            os.kill(os.getpid(), signal.SIGINT)

    assert plain(run(tmp_path, 3)[0]) == plain(whole[:3])
    counted = iter([1])
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 12, [interrupt])
    shown, results = run(tmp_path, 12)
    cut_off = [one for one in results if one.state == "again"]
    assert [one.note for one in cut_off] == [f"it was cut off, and ran again as trial {cut_off[0].number + 1}"]
    after = cut_off[0].number + 1
    assert results[after].settings == whole[cut_off[0].number].settings
    assert plain(results)[: cut_off[0].number] == plain(whole)[: cut_off[0].number]
    assert [one[1:] for one in plain(results) if one[1] != "again"] == [one[1:] for one in plain(whole)]
    assert shown[0] == results[after]
    assert run(tmp_path, 12)[0] == []  # nothing is left


def test_sigterm_ends_a_search_between_two_batches(tmp_path):
    with pytest.raises(SystemExit) as ended:
        run(tmp_path, 3, [lambda progress: os.kill(os.getpid(), signal.SIGTERM)])
    assert ended.value.code == 143
    assert [one.state for one in run(tmp_path, 3)[1]] == ["again", "finished", "finished", "finished"]


def test_a_training_that_diverges_is_a_failed_trial_and_not_the_end(tmp_path):
    shown, results = run(tmp_path, 6, space=["learning_rate=0.1,1e30", "units=int:2:9"])
    assert results == shown
    failed = [one for one in results if one.state == "failed"]
    assert failed
    assert all("learning_rate=1e+30 is too large" in one.note for one in failed)
    assert all(one.settings["learning_rate"] == 1e30 for one in failed)
    assert best_of(results).settings["learning_rate"] == 0.1


def test_a_trial_without_the_memory_it_needs_fails(tmp_path, monkeypatch):
    def exhausted(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(search_module.TrainingJob, "from_split", exhausted)
    assert [(one.state, one.note) for one in run(tmp_path, 2)[0]] == [("failed", "out of memory")] * 2


def test_a_search_with_other_data_or_settings_is_refused(tmp_path):
    run(tmp_path, 1)

    def refusal(**changes):
        with pytest.raises(RunError) as raised, joined(tmp_path, **changes):
            pass
        text = str(raised.value)
        assert text.startswith("the search 'rows' cannot continue with this: ")
        assert text.endswith(". Give what it began with, or start another search, in a database under another name "
                             "(--study)")  # fmt: skip
        return text.removeprefix("the search 'rows' cannot continue with this: ").partition(". Give")[0]

    assert refusal(seed=4) == "seed is 3, not 4"
    assert refusal(recipe=RECIPE.override({"epochs": 5, "n_kernels": (2, 3)})) == (
        "n_kernels is 2, not [2, 3]; epochs is 4, not 5"
    )
    assert refusal(space=["units=int:2:9"]) == (
        "it tries learning_rate=log:0.01:1 units=int:2:9 n_kernels=1,2,1-2, not units=int:2:9"
    )
    assert refusal(recipe=RECIPE.override({"test_flip": True})) == "test_flip is False, not True"
    other = make_split()
    other.data.images[0] += 1
    assert refusal(split=other) == "its images are others, or are split otherwise"


def test_mirror_images_at_prediction_that_follow_a_searched_flip_are_other_settings(tmp_path):
    """Though they come to the same for the recipe as it is."""
    space = ("flip=true,false", "units=int:2:9")
    explicit = RECIPE.override({"test_flip": False})
    for folder in ("fixed", "searched"):
        (tmp_path / folder).mkdir()
    run(tmp_path / "fixed", 1)
    run(tmp_path / "searched", 1, space=space)
    with joined(tmp_path / "fixed", recipe=explicit):
        pass
    with pytest.raises(RunError, match="test_flip is None, not False"), \
         joined(tmp_path / "searched", recipe=explicit, space=space):  # fmt: skip
        pass


@pytest.fixture(scope="module", params=["journal", "database"])
def place(request, tmp_path_factory):
    """A folder, and the URL of a real PostgreSQL."""
    if request.param == "journal":
        yield tmp_path_factory.mktemp("journal")
    elif find_binaries() is None:
        pytest.skip("needs PostgreSQL")
    else:
        with server() as url:
            yield url


def test_a_trial_whose_process_is_killed_runs_again_in_another(place):
    killed = start(place, 8, 2)
    lines = iter(killed.stdout.readline, "")
    assert next(lines) == "0 finished\n"
    number = int(next(lines).removeprefix("hangs "))
    other = start(place, 8)
    for line in other.stdout:
        if line == "waits\n":  # all trials but that one have ended
            break
    with joined(place) as search:
        assert [one.state for one in search.results()].count("running") == 1
    kill(killed)
    rest = other.communicate()[0].splitlines()
    assert rest[-1] == "ends"
    assert other.returncode == 0
    with joined(place) as search:
        results = search.results()
    assert [one.number for one in results if one.state == "again"] == [number]
    assert [one.state in ("finished", "pruned") for one in results].count(True) == 8
    assert len(results) == 9
    assert results[8].settings == results[number].settings
    assert rest[0] == f"8 {results[8].state}"


def test_processes_that_begin_together_share_the_trials(place):
    both = [start(place, 14), start(place, 14)]
    said = [process.communicate()[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    with joined(place) as search:
        results = search.results()
    assert sum(one.state in ("finished", "pruned") for one in results) == 14
    numbers = [line.split()[0] for lines in said for line in lines if line[0].isdigit()]
    assert len(numbers) == len(set(numbers))


def test_a_trial_that_kills_every_process_is_given_up(tmp_path):
    for _ in range(search_module.MAX_ATTEMPTS):
        process = start(tmp_path, 2, 1)
        assert process.stdout.readline().startswith("hangs ")
        kill(process)
    shown, results = run(tmp_path, 2)
    assert [one.state for one in results] == ["again", "again", "failed", shown[0].state]
    assert results[2].note == "its process was killed each time: it may need more memory than there is"


def test_a_process_that_is_killed_before_its_trial_has_a_name_loses_none(tmp_path):
    with joined(tmp_path) as search:
        search.study.ask()
    assert [one.state for one in run(tmp_path, 1)[1]] == ["again", "finished"]
