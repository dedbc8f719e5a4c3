"""Where commands write: never into the data that they read."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from golmu.errors import GolmuWarning

pytestmark = pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")

SMALL = ["--epochs=1", "--n-kernels=2", "--units=4", "--batch-size=8", "--shift=0", "--erase=0"]
RUN = "runs/photos-any-n-kernels-2-units-4"


def fill(folder):
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.random.default_rng([*folder.name.encode(), len(name), i]).integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels + (name == "dog") * np.uint8(i + 1)).save(folder / name / f"{i}.png")
    return folder


def files_in(folder):
    return sorted(path for path in folder.rglob("*"))


def test_what_is_made_in_the_data_goes_beside_them(run, tmp_path, monkeypatch):
    photos = fill(tmp_path / "photos")
    before = files_in(photos)
    monkeypatch.chdir(photos)
    with pytest.warns(
        GolmuWarning, match=r"^nothing is written into the folder of the data: runs goes beside it, to \.\."
    ):
        status, lines, _ = run("train", ".", *SMALL)
    assert (status, f"results go to ../{RUN}" in lines[1]) == (0, True)
    for command in (
        ["report", f"../{RUN}"],
        ["explain", f"../{RUN}", "0"],
        ["train", ".", *SMALL],
    ):
        assert run(*command)[0] == 0
    monkeypatch.chdir(photos / "cat")
    status, lines, _ = run("data", "..")
    assert (status, lines[-1]) == (0, "samples: ../../photos-samples.png")
    status, lines, err = run("find-lr", str(photos), "--steps=20", "--units=4", "--n-kernels=2")
    assert (status, lines[-1:], err) == (0, ["curve: ../../learning-rates.png"], "")
    assert files_in(photos) == before
    made = sorted(str(path.relative_to(tmp_path)) for path in [*tmp_path.iterdir(), *(tmp_path / "runs").iterdir()])
    assert made == [
        "learning-rates.png", "photos", "photos-samples.png", "runs", RUN, f"{RUN}-2",
    ]  # fmt: skip


def test_a_part_of_the_data_is_not_written_beside_the_other(run, tmp_path, monkeypatch):
    for part in ("train", "test"):
        fill(tmp_path / "data" / part)
    before = files_in(tmp_path / "data")
    monkeypatch.chdir(tmp_path / "data" / "train")
    status, lines, _ = run("data", ".")
    assert (status, lines[-1]) == (0, "samples: ../../train-samples.png")
    assert files_in(tmp_path / "data") == before


def test_elsewhere_nothing_changes(run, tmp_path, monkeypatch):
    fill(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    status, lines, _ = run("data", "photos")
    assert (status, lines[-1]) == (0, "samples: photos-samples.png")


@pytest.mark.parametrize(
    ("command", "option", "place"),
    [
        (["train"], "--run", "run"),
        (["data"], "--sheet", "s.png"),
        (["find-lr"], "--plot", "cat/p.png"),
    ],
)
def test_a_place_in_the_data_is_refused(run, tmp_path, command, option, place):
    photos = fill(tmp_path / "photos")
    before = files_in(photos)
    status, lines, err = run(*command, photos, option, photos / place)
    assert (status, lines) == (2, [])
    text = (
        f"golmu: error: {option} {photos}/{place} lies in {photos}, which is read as data: give a place outside, such"
    )
    assert re.match(re.escape(text), err)
    assert files_in(photos) == before


def test_figures_and_reports_of_a_run_are_not_written_into_its_data(run, tmp_path):
    photos = fill(tmp_path / "photos")
    inside = photos / "runs" / "old"  # as an earlier version made it
    assert run("train", photos, *SMALL, "--run", tmp_path / "new")[0] == 0
    inside.parent.mkdir()
    (tmp_path / "new").rename(inside)
    for command, name in ((["explain", inside, "0"], "e.png"), (["report", inside], "r.html")):
        status, _, err = run(*command, "--output", photos / name)
        assert (status, "which is read as data: give a place outside" in err) == (2, True)
        assert run(*command, "--output", inside / name)[0] == 0
    assert run("train", "--resume", inside)[0] == 0
    status, lines, _ = run("data", photos, "--json", "--sheet", tmp_path / "s.png")
    assert [row["class"] for row in json.loads("\n".join(lines))["classes"]] == ["cat", "dog"]
    assert not (photos / "e.png").exists()


def test_a_data_set_whose_name_is_no_name_of_a_file(run, tmp_path, monkeypatch):
    photos = fill(tmp_path / ("x" * 100 + "고양이" * 15))
    monkeypatch.chdir(tmp_path)
    assert run("data", photos)[0] == 0
    assert run("train", photos, *SMALL)[0] == 0


def test_a_folder_called_like_a_data_set(run, tmp_path, monkeypatch):
    fill(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    text = "'digits' is taken as the data set of that name, not as the folder here: write ./digits for the folder"
    _, lines, _ = run("data", "digits")
    assert f"notice: {text}" in lines
    assert "train  1,437 images of 8x8x1" in lines
    _, lines, _ = run("data", "./digits")
    assert "train  40 images of 8x8x1" in lines
    assert not any(line.startswith("notice") for line in lines)
