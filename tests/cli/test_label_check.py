"""`golmu data --check-labels`: the labels that it doubts, on the terminal, as JSON and as a picture."""

import json
import signal

import numpy as np
import pytest
from command import process
from PIL import Image

from golmu.cli.label_check import MAX_LISTED, N_FOLDS


def write_drawn(folder, n_wrong=5, n=150):
    """A folder of images in three classes, each bright in other rows, of which some lie in the folder of another."""
    rng = np.random.default_rng(0)
    wrong = []
    for i in range(n):
        label = i % 3
        pixels = rng.integers(0, 60, (12, 12), np.uint8)
        pixels[4 * label : 4 * label + 4] += 150
        given = (label + 1) % 3 if i < n_wrong else label
        path = folder / "abc"[given] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        if i < n_wrong:
            wrong.append((f"{'abc'[given]}/{i:03}.png", "abc"[given], "abc"[label]))
    return wrong


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels") / "drawn"
    return folder, write_drawn(folder)


def test_wrong_labels_are_listed_and_drawn(run, drawn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, wrong = drawn
    status, lines, err = run("data", folder, "--check-labels")
    assert (status, err) == (0, "")
    begin = next(i for i, line in enumerate(lines) if line.startswith("labels: "))
    assert lines[begin].startswith(
        f"labels: 5 of 150 are doubtful, by {N_FOLDS} networks that had not seen the image ("
    )
    rows = [line.split()[:3] for line in lines[begin + 2 : -1]]
    assert sorted(map(tuple, rows)) == sorted(wrong)
    assert lines[-1] == "doubtful labels: drawn-doubtful.png"
    with Image.open("drawn-doubtful.png") as picture:
        assert picture.width > picture.height > 100


def test_the_list_as_json_is_whole_and_ranked(run, drawn, tmp_path):
    folder, wrong = drawn
    status, lines, err = run("data", folder, "--check-labels", "--json", "--sheet", tmp_path / "s.png")
    assert (status, err) == (0, "")
    labels = json.loads("\n".join(lines))["labels"]
    assert (labels["folds"], labels["recipe"], labels["sheet"]) == (N_FOLDS, "any", str(tmp_path / "s-doubtful.png"))
    found = labels["doubtful"]
    assert sorted((one["file"], one["given"], one["suggested"]) for one in found) == sorted(wrong)
    believability = [one["believability"] for one in found]
    assert believability == sorted(believability)
    assert all(one["believability"] < one["probability"] <= 1 for one in found)
    assert 0.9 < labels["accuracy"] < 1


def test_one_doubtful_label_is_told_in_the_singular(run, tmp_path):
    write_drawn(tmp_path / "one", n_wrong=1, n=60)
    _, lines, _ = run("data", tmp_path / "one", "--check-labels", "--sheet", tmp_path / "s.png")
    assert any(line.startswith("labels: 1 of 60 is doubtful, by ") for line in lines)


def test_right_labels_need_no_sheet(run, tmp_path):
    write_drawn(tmp_path / "right", n_wrong=0, n=60)
    status, lines, err = run("data", tmp_path / "right", "--check-labels", "--sheet", tmp_path / "s.png")
    assert (status, err) == (0, "")
    assert lines[-1].startswith("labels: 0 of 60 are doubtful, ")
    assert not (tmp_path / "s-doubtful.png").exists()


def test_images_without_files_have_numbers_and_a_long_list_is_cut(run, tmp_path):
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 60, (400, 6, 6), np.uint8), np.arange(400) % 2
    images[labels == 1, :3] += 150
    wrong = rng.choice(400, 30, replace=False)
    labels[wrong] = 1 - labels[wrong]
    np.savez(tmp_path / "arrays.npz", x=images, y=labels + 7)
    status, lines, err = run("data", tmp_path / "arrays.npz", "--check-labels", "--sheet", tmp_path / "s.png")
    assert (status, err) == (0, "")
    begin = next(i for i, line in enumerate(lines) if line.startswith("labels: "))
    rows = [line.split() for line in lines[begin + 2 :] if line.startswith("image ")]
    assert len(rows) == MAX_LISTED
    assert {int(row[1]) for row in rows} <= set(wrong.tolist())
    assert {row[2] for row in rows} <= {"7", "8"}
    assert any(line.startswith("and ") and line.endswith(" more: --json lists all") for line in lines)


def test_data_that_cannot_be_trained_on_are_one_error(run, tmp_path):
    np.savez(tmp_path / "one.npz", x=np.zeros((9, 6, 5), np.uint8), y=np.zeros(9, int))
    status, _, err = run("data", tmp_path / "one.npz", "--check-labels", "--sheet", tmp_path / "s.png")
    assert (status, err.count("\n")) == (2, 1)
    assert "one holds one class only, '0': at least 2 are needed" in err
    np.savez(tmp_path / "few.npz", x=np.zeros((4, 6, 5), np.uint8), y=np.array([0, 0, 1, 1]))
    status, _, err = run("data", tmp_path / "few.npz", "--check-labels", "--sheet", tmp_path / "s.png")
    assert (status, "has 4 training images, too few for 5 folds" in err) == (2, True)


def test_ctrl_c_ends_the_check_with_130(drawn, tmp_path):
    folder, _ = drawn
    sheet = tmp_path / "s.png"
    with process("data", folder, "--check-labels", "--sheet", sheet) as running:
        while not sheet.exists():  # the samples are drawn before the training begins
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    assert (running.returncode, out, err) == (130, "", "")


@pytest.mark.parametrize(("n", "is_said"), [(10, False), (12, True)])
def test_unbalanced_classes_come_with_a_command(run, tmp_path, n, is_said):
    rng = np.random.default_rng(0)
    place = tmp_path / "un balanced.npz"
    np.savez(place, x=rng.integers(0, 256, (n + 3, 6, 5), np.uint8), y=np.repeat([0, 1], [n, 3]))
    status, lines, _ = run("data", place, "--sheet", tmp_path / "s.png")
    said = [line for line in lines if "--class-weight" in line]
    command = f"golmu train '{place}' --class-weight balanced"
    assert (status, said) == (0, [f"notice: to count each class alike, train with: {command}"] if is_said else [])
