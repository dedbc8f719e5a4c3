"""`golmu tune`: what it prints and leaves, how it continues, and the recipe that `golmu train` takes."""

import csv
import json
import shutil
import signal

import pytest
from command import SETTINGS, main, process, read

pytest.importorskip("optuna")

SPACE = ["--search", "learning_rate=log:0.01:1", "--search", "units=4,8"]
COMMON = [*(one for one in SETTINGS if not one.startswith(("--units", "--learning-rate"))), *SPACE]


def trials(folder):
    with (folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def searched(tmp_path_factory, data):
    """The folder of a search of twelve trials."""
    folder = tmp_path_factory.mktemp("search") / "s"
    assert main("tune", data, *COMMON, "--trials", 12, "--run", folder) == 0
    return folder


def test_a_search_prints_its_trials_and_leaves_the_best_recipe(run, data, tmp_path):
    folder = tmp_path / "s"
    status, out, err = run("tune", data, *COMMON, "--trials", 10, "--run", folder)
    assert (status, err) == (0, "")
    assert out[0] == (
        "searching learning_rate=log:0.01:1, units=4,8; 10 trials on 320 images, each judged on 80; results go to "
        f"{folder}"
    )
    assert [line.split()[:3] for line in out[1:11]] == [["trial", str(i), "learning_rate"] for i in range(10)]
    assert out[11].split() == ["trial", "val_loss", "val_accuracy", "learning_rate", "units"]
    rows = trials(folder)
    assert [row["trial"] for row in rows] == [str(i) for i in range(10)]
    best = min((row for row in rows if row["state"] == "finished"), key=lambda row: float(row["val_loss"]))
    recipe = json.loads((folder / "recipe.json").read_text())
    assert recipe["learning_rate"] == float(best["learning_rate"])
    assert recipe["units"] == int(best["units"])
    assert recipe["n_kernels"] == 2
    assert out[-1].endswith(f"train {data} --recipe {folder}/recipe.json --size 6x5 --channels 1")
    own = ", the recipe as it was" if best["trial"] == "0" else ""
    assert any(line.startswith(f"the lowest loss, trial {best['trial']}{own}: validation accuracy ") for line in out)
    assert (folder / "importance.png").read_bytes().startswith(b"\x89PNG")


def test_the_recipe_of_a_search_trains_to_the_accuracy_of_its_trial(run, searched, data, tmp_path):
    status, _, err = run("train", data, "--recipe", searched / "recipe.json", "--run", tmp_path / "run")
    assert (status, err) == (0, "")
    record = read(tmp_path / "run")
    assert record["recipe"] == "recipe.json"
    best = min((row for row in trials(searched) if row["state"] == "finished"), key=lambda row: float(row["val_loss"]))
    assert record["results"]["val_loss"] == float(best["val_loss"])
    assert record["results"]["val_accuracy"] == float(best["val_accuracy"])


def test_a_run_from_a_recipe_file_continues_and_is_reproduced_without_it(run, searched, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = shutil.copy(searched / "recipe.json", tmp_path / "mine.json")
    assert run("train", data, "--recipe", recipe)[0] == 0
    folder = tmp_path / "runs" / "shapes-mine"
    recipe.unlink()
    assert run("train", "--resume", folder, "--epochs", 3)[0] == 0
    assert read(folder)["settings"]["epochs"] == 3
    assert "golmu train" in (folder / "report.html").read_text()
    assert run("train", "--resume", folder, "--recipe", recipe)[::2] == (
        2, f"golmu: error: there is no recipe file {recipe}\n"
    )  # fmt: skip
    recipe.write_text((searched / "recipe.json").read_text().replace('"batch_size": 16', '"batch_size": 17'))
    status, _, err = run("train", "--resume", folder, "--recipe", recipe)
    assert status == 2
    assert "batch_size is 16, not 17" in err


def test_a_search_continues_with_more_trials(run, data, tmp_path):
    folder = tmp_path / "s"
    assert run("tune", data, *COMMON, "--trials", 2, "--run", folder)[0] == 0
    before = trials(folder)
    status, out, _ = run("tune", "--resume", folder, "--trials", 3)
    assert status == 0
    assert out[1] == "2 trials were there already"
    assert out[2].startswith("trial 2  ")
    assert trials(folder)[:2] == before
    assert not run("tune", "--resume", folder)[1][1].startswith("trial 3")
    assert len(trials(folder)) == 3


def test_ctrl_c_keeps_what_there_is(data, tmp_path):
    folder = tmp_path / "s"
    command = process("tune", data, *COMMON, "--epochs", 60, "--trials", 10_000, "--run", folder)
    for line in command.stdout:
        if line.split()[:2] == ["trial", "1"]:
            break
    command.send_signal(signal.SIGINT)
    out, err = command.communicate()
    assert command.returncode == 130
    assert err == ""
    assert out.splitlines()[-1].endswith(f"tune --resume {folder}")
    assert "  ".join(("trial", "val_loss", "val_accuracy")) in out
    rows = trials(folder)
    assert [row["state"] for row in rows[:2]] == ["finished", "finished"]
    assert json.loads((folder / "recipe.json").read_text())["epochs"] == 60


def test_other_settings_are_refused_by_a_search_that_is_to_continue(run, data, searched, tmp_path):
    wrong = {
        ("--seed", "7"): "seed is 42, not 7",
        ("--batch-size", "8"): "batch_size is 16, not 8",
        ("--search", "units=4,9"): "it tries learning_rate=log:0.01:1 units=4,8, not units=4,9",
        ("--validation-share", "0.5"): "validation_share is 0.2, not 0.5",
        ("--study", "x"): "study is 'shapes-chapter', not 'x'",
    }
    for option, text in wrong.items():
        status, _, err = run("tune", "--resume", searched, *option)
        assert status == 2
        assert f"cannot continue with this: {text}. Give what it began with, or start another search" in err
    other = shutil.copytree(data, tmp_path / "other")
    content = bytearray((other / "train-images-idx3-ubyte").read_bytes())
    content[100] ^= 1
    (other / "train-images-idx3-ubyte").write_bytes(content)
    assert "its images are others, or are split otherwise" in run("tune", other, "--resume", searched)[2]
    assert run("tune", shutil.copytree(data, tmp_path / "moved"), "--resume", searched)[0] == 0


def test_a_search_whose_data_have_moved_says_so(run, data, searched, tmp_path):
    folder = shutil.copytree(searched, tmp_path / "s")
    record = json.loads((folder / "search.json").read_text())
    record["data"]["argument"] = str(tmp_path / "gone")
    (folder / "search.json").write_text(json.dumps(record))
    status, _, err = run("tune", "--resume", folder)
    assert status == 2
    assert f"the data of {folder} are no longer at {tmp_path}/gone: if they have moved, give the new place: " in err


def test_a_search_in_which_nothing_comes_to_its_end_fails(run, data, tmp_path):
    space = ["--search", "learning_rate=1e30,1e31"]
    status, out, err = run("tune", data, *SETTINGS[:5], *space, "--trials", 2, "--run", tmp_path / "s")
    assert status == 1
    assert err.startswith("golmu: error: none of the 2 trials has come to its end; the last one: the loss is ")
    assert "failed: the loss is " in out[1]


def test_without_the_extra_the_command_says_how_to_get_it(run, data, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    text = 'golmu: error: golmu tune needs optuna, which is not installed: pip install "golmu[scale]"\n'
    assert run("tune", data) == (2, [], text)
