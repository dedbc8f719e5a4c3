"""`golmu data`: what a data set holds, and what is wrong with it."""

import json

import numpy as np
from PIL import Image


def test_data_says_where_it_is_and_what_it_holds(run, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, lines, err = run("data", data)
    assert (status, err) == (0, "")
    assert [line.rstrip() for line in lines] == [
        f"shapes: {data}",
        "train  400 images of 6x5x1",
        "test   100 images of 6x5x1",
        "3 classes  train  test",
        "0            134    34",
        "1            133    33",
        "2            133    33",
        "samples: shapes-samples.png",
    ]
    with Image.open("shapes-samples.png") as picture:
        assert picture.width > 500


def test_data_as_json_and_a_sheet_elsewhere(run, data, tmp_path):
    sheet = tmp_path / "골무.PNG"
    sheet.write_text("replaced")
    status, lines, err = run("data", data, "--json", "--sheet", sheet)
    assert (status, err) == (0, "")
    assert json.loads("\n".join(lines)) == {
        "name": "shapes", "source": str(data), "train": {"images": 400, "shape": [6, 5, 1]},
        "test": {"images": 100, "shape": [6, 5, 1]},
        "classes": [{"class": str(i), "train": 133 + (i == 0), "test": 33 + (i == 0)} for i in range(3)],
        "notices": [], "findings": [], "passed_over": {}, "left_out": [], "sheet": str(sheet),
    }  # fmt: skip
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_data_says_what_is_remarkable_once(run, tmp_path):
    for name, n in (("ant", 3), ("bee", 40)):
        (tmp_path / "bugs" / name).mkdir(parents=True)
        for i in range(n):
            pixels = np.random.default_rng((n, i)).integers(0, 256, (5 + (i == 0), 5), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "bugs" / name / f"{i}.png")
    (tmp_path / "bugs" / "ant" / "bad.png").touch()
    status, lines, err = run("data", tmp_path / "bugs", "--sheet", tmp_path / "sheet.png")
    assert (status, err) == (0, "")
    assert [line.rstrip() for line in lines[1:5]] == [
        "train  43 images of 28x28x1", "2 classes  train  test", "ant            3", "bee           40",
    ]  # fmt: skip
    bad = f"{tmp_path}/bugs/ant/bad.png is not an image in a known format (PNG, JPEG, BMP, GIF, TIFF, WEBP, AVIF, HEIC)"
    assert lines[5:-1] == [
        "notice: the images have 2 sizes (height x width), 5x5 (41), 6x5 (2): all are scaled to fit 28x28; choose "
        "another size with --size (in Python: size=)",
        f"notice: 1 of 44 images cannot be read: {bad}; it is skipped",
        "notice: 1 class has fewer than 10 training images: ant (3)",
        "notice: the classes are unbalanced: 'bee' has 40 training images, 'ant' has 3",
        f"notice: to count each class alike, train with: golmu train {tmp_path}/bugs --class-weight balanced "
        "--skip-bad",
        "notice: golmu train stops at a file that it cannot read. Repair or remove the file, or add --skip-bad.",
    ]
    assert run("data", tmp_path / "bugs", "--skip-bad", "--sheet", tmp_path / "sheet.png")[1][:-1] == lines[:-2]
    assert run("train", tmp_path / "bugs", "--run", tmp_path / "run")[0] == 2
    assert not (tmp_path / "run").exists()


def test_findings_name_files(run, tmp_path):
    for place, n in (("train/ant", 10), ("train/bee", 10), ("test/bee", 1)):
        (tmp_path / "bugs" / place).mkdir(parents=True)
        for i in range(n):
            pixels = np.random.default_rng([*place.encode(), i]).integers(0, 256, (5, 5), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "bugs" / place / f"{i}.png")
    for copy in ("train/ant/copy.png", "train/bee/copy.png", "test/bee/copy.png"):
        (tmp_path / "bugs" / copy).write_bytes((tmp_path / "bugs/train/ant/0.png").read_bytes())
    (tmp_path / "bugs/train/bee/notes.txt").touch()
    (tmp_path / "bugs/train/bee/bad.png").touch()
    status, lines, err = run("data", tmp_path / "bugs", "--json", "--sheet", tmp_path / "sheet.png")
    assert (status, err) == (0, "")
    result = json.loads("\n".join(lines))
    same = ["train/ant/0.png", "train/ant/copy.png", "train/bee/copy.png"]
    assert {one["kind"]: one["files"] for one in result["findings"]} == {
        "ambiguous": [same], "test_in_training": [["test/bee/copy.png", *same]], "unreadable": [],
    }  # fmt: skip
    assert result["passed_over"] == {".txt": 1}
    assert [line.split()[0] for line in result["left_out"]] == [f"{tmp_path}/bugs/train/bee/bad.png"]
    (text,) = [notice for notice in result["notices"] if "training class" in notice]
    assert text.startswith(f"1 image appears in more than one training class: {' = '.join(same)}; keep each")
    (tmp_path / "bugs/train/bee/worse.png").touch()
    result = json.loads("\n".join(run("data", tmp_path / "bugs", "--json", "--sheet", tmp_path / "sheet.png")[1]))
    text = "golmu train stops at 2 files that it cannot read. Repair or remove the files, or add --skip-bad."
    assert result["notices"][-1] == text
