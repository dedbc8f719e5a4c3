"""Parquet and CSV files, as hubs and competitions publish images, and folders of them."""

import builtins
import gzip
import io
import json
import re
import unicodedata
import warnings

import numpy as np
import pandas
import pyarrow
import pytest
from command import read
from PIL import Image
from pyarrow import parquet

from golmu import Dataset, load_dataset
from golmu.data.readers import csv_files, parquet_files, table_files, table_folders
from golmu.data.storage import Memory
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError
from golmu.runs.record import read_record
from golmu.runs.reproduce import reproduce_command

RNG = np.random.default_rng(0)
N = 36
X, Y = RNG.integers(0, 256, (N, 6, 6), np.uint8), np.arange(N) % 3
ROWS = X.reshape(N, -1)
LAST = np.arange(N)[:, None] // (N - 1) * np.ones(36, int)  # 1 in the last row, else 0
NAMES = ("ant", "bee", "cat")


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def hub(path, images=X, labels=Y, *, names=NAMES, image="image", label="label", as_struct=True, **more):
    """A Parquet file as the hubs make it: images as structs of content and path, names of classes as metadata."""
    content = [png(pixels) for pixels in images]
    column = [{"bytes": one, "path": f"{i}.png"} for i, one in enumerate(content)] if as_struct else content
    table = pyarrow.table({image: column, label: labels, **more})
    if names is not None:
        features = {label: {"names": list(names), "_type": "ClassLabel"}, image: {"_type": "Image"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)
    return path


def pixel_table(path, rows=ROWS, labels=Y, *, label="label", first=True, names=None, header=True, delimiter=","):
    """A table with a column for each pixel: CSV or Parquet, by the suffix."""
    names = names or [f"pixel{i}" for i in range(rows.shape[1])]
    columns = {name: rows[:, i] for i, name in enumerate(names)}
    if label is not None:
        columns = {label: labels, **columns} if first else {**columns, label: labels}
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.table(columns), path)
        return path
    lines = [delimiter.join(columns)] * header + [
        delimiter.join(map(str, row)) for row in zip(*columns.values(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def noted(path, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GolmuWarning)
        data = load_dataset(path, **options)
    return data, [str(warning.message) for warning in caught]


def refused(path, text, kind=DataError, **options):
    with pytest.raises(kind, match=f"^{re.escape(text)}"):
        load_dataset(path, **options)


# Encoded images


@pytest.mark.parametrize("as_struct", [True, False])
def test_images_as_the_hubs_publish_them(tmp_path, as_struct):
    data = load_dataset(hub(tmp_path / "bugs.parquet", as_struct=as_struct))
    assert (data.name, data.source, data.class_names) == ("bugs", str(tmp_path / "bugs.parquet"), NAMES)
    assert np.array_equal(data.train.images, X[..., None])
    assert data.train.labels.tolist() == Y.tolist()
    assert data.test is None


def test_a_folder_of_shards_with_a_test_part(tmp_path):
    for i in range(3):
        hub(
            tmp_path / "bugs" / "data" / f"train-0000{i}-of-00003.parquet",
            X[12 * i : 12 * i + 12],
            Y[12 * i : 12 * i + 12],
        )
    hub(tmp_path / "bugs" / "data" / "test-00000-of-00001.parquet", 255 - X[:4], Y[:4])
    data = load_dataset(tmp_path / "bugs")
    assert (data.name, data.class_names) == ("bugs", NAMES)
    assert np.array_equal(data.train.images[..., 0], X)
    assert data.train.labels.tolist() == Y.tolist()
    assert np.array_equal(data.test.images[..., 0], 255 - X[:4])


def test_shards_whose_names_end_in_a_hash(tmp_path):
    for i, end in enumerate(("b42a775f407cee45", "0123456789abcdef")):
        hub(
            tmp_path / "data" / f"train-0000{i}-of-00002-{end}.parquet",
            X[18 * i : 18 * i + 18],
            Y[18 * i : 18 * i + 18],
        )
    hub(tmp_path / "data" / "test-00000-of-00001-8d5f1c0ac5f8e7a1.parquet", 255 - X[:4], Y[:4])
    data = load_dataset(tmp_path)
    assert np.array_equal(data.train.images[..., 0], X)
    assert np.array_equal(data.test.images[..., 0], 255 - X[:4])
    hub(tmp_path / "data" / "train-00001-of-00002-ffffffffffffffff.parquet")  # another version of the second one
    refused(
        tmp_path, f"'{tmp_path}' holds 3 tables of training images, train-00000-of-00002-b42a775f407cee45.parquet, "
    )


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_of_two_columns_of_labels_the_user_chooses(tmp_path, suffix):
    """As CIFAR-100 has them."""
    path, coarse = tmp_path / f"bugs.{suffix}", Y[::-1]
    if suffix == "parquet":
        hub(path, label="fine_label", names=None, coarse_label=coarse)
    else:
        pixels = {f"pixel{i}": ROWS[:, i] for i in range(36)}
        pandas.DataFrame({"fine_label": Y, "coarse_label": coarse, **pixels}).to_csv(path, index=False)
    text = f"'{path}' has several columns that may hold the labels, fine_label, coarse_label: choose one with --label "
    refused(path, text)
    for name, labels in (("fine_label", Y), ("coarse_label", coarse)):
        data = load_dataset(path, label=name)
        assert data.train.labels.tolist() == labels.tolist()
        assert np.array_equal(data.train.images[..., 0], X)
    text = f"label='fine' was asked for, but '{path}' has no such column of labels: choose one of "
    refused(path, text, InputError, label="fine")
    with pytest.raises(InputTypeError, match=r"^label must be the name of a column, got 3$"):
        load_dataset(path, label=3)


def test_a_column_of_labels_that_only_looks_so_is_taken(tmp_path):
    path = hub(tmp_path / "bugs.parquet", label="fine_label", names=None, index=np.arange(N))
    assert load_dataset(path).train.labels.tolist() == Y.tolist()


def test_the_labels_that_were_chosen_are_those_of_the_run(run, tmp_path):
    path, coarse = tmp_path / "bugs.parquet", Y[::-1]
    hub(path, label="fine_label", names=None, coarse_label=coarse)
    settings = ("--recipe=chapter", "--n-kernels=1", "--units=2", "--batch-size=4", "--epochs=1")
    assert run("train", path, *settings, "--run", tmp_path / "run")[0] == 2
    status, _, err = run("train", path, *settings, "--label=coarse_label", "--run", tmp_path / "run")
    assert (status, err) == (0, "")
    assert read(tmp_path / "run")["data"]["label"] == "coarse_label"
    assert " --label coarse_label " in reproduce_command(read_record(tmp_path / "run"))
    for words in (["train", "--resume", tmp_path / "run", "--epochs=2"], ["report", tmp_path / "run"]):
        status, _, err = run(*words)
        assert (status, err) == (0, "")
    status, _, err = run("train", "--resume", tmp_path / "run", "--epochs=3", "--label=fine_label")
    assert status == 2
    assert "cannot continue with this: label is 'coarse_label', not 'fine_label'. Start a new run" in err
    other = path.rename(tmp_path / "others.parquet")
    status, _, err = run("evaluate", tmp_path / "run", other)
    assert (status, "choose one with --label" in err) == (2, True)
    # With its own labels these are the run's data, of which only the held-out images are a fair judge.
    with pytest.warns(GolmuWarning, match="this is the run's own data: judged on its 8 validation images"):
        status, lines, _ = run("evaluate", tmp_path / "run", other, "--label", "coarse_label", "--json")
    assert status == 0
    assert sum(row["support"] for row in json.loads("\n".join(lines))["classes"]) == 8
    with pytest.warns(GolmuWarning, match="it may hold training images too"):
        status, lines, _ = run("evaluate", tmp_path / "run", other, "--label", "fine_label", "--json")
    assert status == 0
    assert [row["support"] for row in json.loads("\n".join(lines))["classes"]] == np.bincount(Y).tolist()


def test_a_column_of_what_is_no_table_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    for name, shown in ((tmp_path / "a.npz", "a"), ("digits", "digits")):
        refused(name, f"label='y' names a column, but '{shown}' is not a table", InputError, label="y")
    for name in ("ant", "bee"):
        (tmp_path / "bugs" / name).mkdir(parents=True)
        (tmp_path / "bugs" / name / "a.png").write_bytes(png(X[0]))
    text = f"label='y' names a column, but '{tmp_path}/bugs' is not a table; leave out label"
    refused(tmp_path / "bugs", text, InputError, label="y")
    (tmp_path / "bugs" / "a.csv").write_text("file,y\na.png,1\n")
    text = (
        f"label='y' names a column, but the class folders in '{tmp_path}/bugs' are read, and its tables are not: give"
    )
    refused(tmp_path / "bugs", text, InputError, label="y")


def test_validation_is_the_test_set_only_where_there_is_no_other(tmp_path):
    hub(tmp_path / "train-00000-of-00001.parquet")
    hub(tmp_path / "validation-00000-of-00001.parquet", 255 - X[:5], Y[:5])
    assert len(load_dataset(tmp_path).test) == 5
    test = hub(tmp_path / "test-00000-of-00001.parquet", 255 - X[:4], Y[:4])
    data, notes = noted(tmp_path)
    assert len(data.test) == 4
    assert notes == [f"'{tmp_path}/validation-00000-of-00001.parquet' is ignored, since there are test images already"]
    hub(test, 255 - X[:4], np.full(4, -1))
    data, notes = noted(tmp_path)
    assert len(data.test) == 5
    assert notes == [f"'{test}' has no labels, so it is not used as test images"]


def test_labels_under_other_names_and_of_other_kinds(tmp_path):
    text = np.array(NAMES)[Y]
    for name, options, class_names in (
        ("a", {"label": "fine_label", "coarse_label": Y}, NAMES),
        ("b", {"label": "species", "names": None}, ("0", "1", "2")),
        ("c", {"labels": text, "names": None}, NAMES),
        ("d", {"labels": pyarrow.array(text).dictionary_encode(), "names": None}, NAMES),
        ("e", {"label": "Class", "names": None, "image": "img", "thumbnail": [b"x"] * N}, ("0", "1", "2")),
        ("f", {"labels": text, "names": ("cat", "bee", "ant")}, ("cat", "bee", "ant")),
        ("g", {"labels": Y > 0, "names": None}, ("False", "True")),
        ("h", {"names": ["a", "a", "b"]}, ("0", "1", "2")),
    ):
        data = load_dataset(hub(tmp_path / f"{name}.parquet", **options))
        assert data.class_names == class_names, name
        shown = [data.class_names[label] for label in data.train.labels[:3]]
        assert shown == {"ant": [*NAMES], "cat": [*NAMES], "False": ["False", "True", "True"]}.get(
            class_names[0], ["0", "1", "2"]
        )


def test_metadata_that_say_something_else_are_passed_over(tmp_path):
    path = hub(tmp_path / "bugs.parquet", names=None)
    for content in (
        b"",
        b"[]",
        b'{"info": 3}',
        b'{"info": {"features": {"label": {"names": "abc"}}}}',
        b"\xff",
        b"[" * 99999,
    ):
        table = parquet.read_table(path).replace_schema_metadata({b"huggingface": content})
        parquet.write_table(table, path)
        assert load_dataset(path).class_names == ("0", "1", "2")


def test_encoded_images_are_fitted_and_noted_like_files(tmp_path):
    images = [*X, RNG.integers(0, 256, (8, 30, 3), np.uint8)]
    path = hub(tmp_path / "bugs.parquet", images, [*Y, 0])
    data, notes = noted(path)
    assert data.train.images.shape == (37, 28, 28, 3)
    assert notes[0].startswith(
        "the images have 2 sizes (height x width), 6x6 (36), 8x30 (1): all are scaled to fit 28x28"
    )
    assert load_dataset(path, size=(4, 5), channels=1).train.images.shape == (37, 4, 5, 1)
    seen = []
    load_dataset(path, size=4, channels=1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(32, 37), (37, 37)]


def test_encoded_images_that_cannot_be_read_are_named_by_row(tmp_path):
    content = [png(pixels) for pixels in X]
    content[3], content[33], content[35] = b"text", None, content[35][:60]
    path = tmp_path / "bugs.parquet"
    parquet.write_table(pyarrow.table({"image": content, "label": Y}), path)
    known = "PNG, JPEG, BMP, GIF, TIFF, WEBP, AVIF, HEIC"
    bad = f"3 of 36 images cannot be read: {path}, row 4 is not an image in a known format ({known}); {path}, "
    refused(path, bad)
    data, notes = noted(path, skip_bad=True)
    assert len(data.train) == 33
    assert data.train.labels.tolist() == np.delete(Y, [3, 33, 35]).tolist()
    assert notes[0].startswith(bad)
    parquet.write_table(pyarrow.table({"image": [b"x"] * N, "label": Y}), path)
    refused(path, "36 of 36 images cannot be read: ", skip_bad=True)


# Columns of pixels


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label": "Class", "first": False},
        {"label": "digit"},
        {"names": [f"{i // 6 + 1}x{i % 6 + 1}" for i in range(36)]},
        {"label": "y", "names": [str(i) for i in range(36)]},
        {"delimiter": ";"},
        {"delimiter": "\t"},
        {"label": "7", "header": False},
    ],
)
def test_a_column_for_each_pixel(tmp_path, suffix, options):
    data = load_dataset(pixel_table(tmp_path / f"bugs.{suffix}", **options))
    assert (data.name, data.class_names) == ("bugs", ("0", "1", "2"))
    assert np.array_equal(data.train.images, X[..., None])
    assert data.train.labels.tolist() == Y.tolist()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(np.round(ROWS / 255, 6), ROWS, id="floats to 1"),
        pytest.param(ROWS.astype(float), ROWS, id="whole floats"),
        pytest.param((ROWS > 99).astype(float), np.where(ROWS > 99, 255, 0), id="floats 0 and 1"),
        pytest.param(LAST * 0.5, LAST * 128, id="a fraction at the end"),
    ],
)  # fmt: skip
def test_values_of_pixels(tmp_path, suffix, rows, expected):
    data = load_dataset(pixel_table(tmp_path / f"bugs.{suffix}", rows))
    assert np.array_equal(data.train.images.reshape(N, -1), expected)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_pixels_of_integers_0_and_1_are_black_and_white(tmp_path, suffix):
    data, notes = noted(pixel_table(tmp_path / f"bugs.{suffix}", (ROWS > 99).astype(int)))
    assert notes == ["all pixels are 0 or 1: they are taken as black and white, 0 and 255"]
    assert np.array_equal(data.train.images.reshape(N, -1), np.where(ROWS > 99, 255, 0))
    data, notes = noted(pixel_table(tmp_path / f"bugs.{suffix}", ROWS // 15))
    assert notes[0].startswith("the brightest pixel is 17, but 255 is white")
    assert np.array_equal(data.train.images.reshape(N, -1), ROWS // 15)


def test_colours_and_other_shapes(tmp_path):
    colour = pixel_table(tmp_path / "colour.csv", np.repeat(ROWS, 3, axis=1))
    assert np.array_equal(load_dataset(colour).train.images, np.repeat(X[..., None], 3, axis=3))
    assert load_dataset(colour, size=6).train.images.shape == (N, 6, 6, 3)
    assert load_dataset(colour, size=(9, 12), channels=1).train.images.shape == (N, 9, 12, 1)
    assert load_dataset(colour, size=(4, 27)).train.images.shape == (N, 4, 27, 1)
    wide = pixel_table(tmp_path / "wide.csv", ROWS[:, :24])
    assert np.array_equal(load_dataset(wide, size=(4, 6)).train.images.reshape(N, -1), ROWS[:, :24])
    refused(
        wide, f"'{wide}' has 24 columns of numbers beside 'label', which do not make a square image, grey or RGB: give"
    )
    refused(
        wide,
        f"size=5x5 was asked for, but '{wide}' has 24 columns of pixels beside 'label': leave out size and",
        InputError,
        size=5,
    )


def test_columns_of_numbers_that_are_no_pixels(tmp_path):
    path = pixel_table(tmp_path / "bugs.csv")
    lines = path.read_text().splitlines()
    for name in ("id", "", "Unnamed: 0"):
        path.write_text("\n".join([f"{name},{lines[0]}", *(f"{i},{line}" for i, line in enumerate(lines[1:]))]))
        data, notes = noted(path)
        assert np.array_equal(data.train.images[..., 0], X)
        named = f"1 column of numbers in '{path}' is not read as a pixel: {name}"
        assert notes == [
            named if name else f"1 column of '{path}' has no name and numbers the rows: it is not read as a pixel"
        ]
    path.write_text("\n".join([f"weight,who,{lines[0]}", *(f"{i},me,{line}" for i, line in enumerate(lines[1:]))]))
    data, notes = noted(path)
    assert np.array_equal(data.train.images[..., 0], X)
    assert notes == [f"1 column of numbers in '{path}' is not read as a pixel: weight"]
    path.write_text("\n".join([f"a,,{lines[0]}", *(f"{i},9,{line}" for i, line in enumerate(lines[1:]))]))
    assert noted(path)[1] == [f"2 columns of numbers in '{path}' are not read as pixels: (no name), a"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labels_of_text(tmp_path, suffix):
    names = np.array(["벌", '"fox, red"' if suffix == "csv" else "fox, red", "ant"])
    data = load_dataset(pixel_table(tmp_path / f"bugs.{suffix}", labels=names[Y]))
    assert data.class_names == ("ant", "fox, red", "벌")
    assert data.train.labels[:3].tolist() == [2, 1, 0]


def test_a_folder_of_csv_files_with_a_test_part(tmp_path):
    pixel_table(tmp_path / "fashion-mnist_train.csv")
    test = pixel_table(tmp_path / "fashion-mnist_test.csv", 255 - ROWS[:5], Y[:5])
    assert len(load_dataset(tmp_path).test) == 5
    assert load_dataset(tmp_path / "fashion-mnist_test.csv").name == "fashion-mnist_test"
    pixel_table(test, 255 - ROWS[:5], label=None)
    data, notes = noted(tmp_path)
    assert data.test is None
    assert notes == [f"'{test}' has no labels, so it is not used as test images"]
    pixel_table(tmp_path / "sample_submission.csv")
    _, notes = noted(tmp_path)
    assert notes[0] == f"'{tmp_path}/sample_submission.csv' is ignored, since its name says neither train nor test"


def test_csv_files_without_a_header_and_without_labels(tmp_path):
    pixel_table(tmp_path / "train.csv", header=False)
    test = pixel_table(tmp_path / "test.csv", label=None, header=False)
    data, notes = noted(tmp_path)
    assert (len(data.train), data.test) == (N, None)
    assert notes == [f"'{test}' has no labels, so it is not used as test images"]
    pixel_table(test, header=False)
    assert len(load_dataset(tmp_path).test) == N


def test_one_table_in_a_folder_needs_no_name(tmp_path):
    pixel_table(tmp_path / "latest.csv")
    assert len(load_dataset(tmp_path).train) == N


def test_other_ends_of_lines_and_marks_of_order(tmp_path):
    path = pixel_table(tmp_path / "bugs.csv")
    content = path.read_bytes()
    for changed in (
        content.replace(b"\n", b"\r\n"),
        content.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + content,
        content + b"\n",
    ):
        path.write_bytes(changed)
        assert np.array_equal(load_dataset(path).train.images[..., 0], X)


# What cannot be read


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "has 0 bytes, but 1 to 4294967296 are read; check or split it"),
        (b"\n\n", "has 0 columns, but needs one for labels and at least one for images"),
        (b"label\n1\n", "has 1 column, but needs one for labels"),
        (b"\xff\xfe,\n", "is neither UTF-8 nor CP949 text: save it as UTF-8 (in Excel, as CSV UTF-8)"),
        (b"label,a,b,c,d\ncaf\xe9,1,2,3,4\n", "is neither UTF-8 nor CP949 text: save it as UTF-8 (in Excel, as CSV"),
        (
            b"name,a,b,c,d,text\nx,1,2,3,4,y\n",
            "has no column of labels: choose one with --label (label=), or name one 'label'; the columns are name, a, ",
        ),
        (
            b"label,a,b,c,d\n1,2,3,4\n",
            "is not a whole CSV file (CSV parse error: ",
        ),
        (
            b"label,a,b,c,d\n1,2,3,4,5\n1,2,x,4,5\n",
            "has 3 columns of numbers beside 'label' (and columns of text: b), which do not make a square image",
        ),
        (
            b"label,a,b,c,d\n" + b"1,2,3,4,5\n" * 2_000_000 + b"1,2,x,4,5\n",
            "is not a whole CSV file (In CSV column #2: ",
        ),
        (b"label,a,b,c,d\n1,2,3,4,5\n1,2,,4,5\n", "has rows with missing pixels; fix or remove them"),
        (b"label,a,b,c,d\n1,2,3,4,5\n,2,3,4,5\n", "has no label in row 2; fix or remove the row"),
        (b"label,a,b,c,d\n1,2,3,4,256\n", "holds pixels from 2 to 256, but pixels must be whole numbers from 0 to 255"),
        (b"label,a,b,c,d\n1,2,3,4,-5\n", "holds pixels from -5 to 4, but pixels must be whole numbers from 0 to 255"),
        (
            b"label,a,b,c,d\n1,2,3,4,5.5\n",
            "holds pixels up to 5.5, and the fraction 5.5 among them, but pixels must be whole numbers",
        ),
        (b"label,a,b,c,d\n1,2,3,4,5\n \t,2,3,4,5\n", "has no label in row 2; fix or remove the row"),
        (b"label,a,b,c,c\n1,2,3,4,5\n", "has more than one column 'c'; rename all but one"),
        (b"label,a,b,c,d\n", "has 0 columns of numbers beside 'label' (and columns of text: a, b, c), which"),
    ],
)
def test_csv_files_that_cannot_be_read_are_named(tmp_path, content, text):
    path = tmp_path / "bugs.csv"
    path.write_bytes(content)
    refused(path, f"'{path}' {text}")


def test_parquet_files_that_cannot_be_read_are_named(tmp_path):
    path = tmp_path / "bugs.parquet"
    path.write_bytes(b"text" * 9)
    refused(path, f"'{path}' is not a whole Parquet file (")
    whole = hub(path).read_bytes()
    path.write_bytes(whole[:-20])
    refused(path, f"'{path}' is not a whole Parquet file (")
    for columns, text in (
        ({"image": [b"x"] * 3, "other": [1, 2, 3], "more": [1, 2, 3]},
            "has several columns that may hold the labels, other, more: choose one with --label (label=), or name "),
        ({"image": [b"x"] * 3, "other": [b"x"] * 3},
            "has no column of labels: choose one with --label (label=), or name one 'label'; the columns are image, "),
        ({"a": [b"x"] * 3, "b": [b"x"] * 3, "label": [1, 2, 3]},
            "has several columns that may hold images, a, b: rename the right one to image, images, "),
        ({"image": [b"x"] * 3, "label": [0, 1, None]}, "has no label in row 3; fix or remove the row"),
        ({"image": [b"x"] * 3, "label": [0, 1, 0.5]}, "holds labels that are neither whole numbers nor text in"),
        ({"image": [b"x"] * 3, "label": [[0], [1, 2], []]}, "holds labels that are neither whole numbers nor text in"),
        ({"image": [b"x"] * 3, "label": [0, 1, 1e300]}, "holds labels that are neither whole numbers nor text"),
        ({"image": pyarrow.array([], pyarrow.binary()), "label": pyarrow.array([], pyarrow.int64())}, "has no rows"),
        ({"text": ["a"] * 3, "label": [0, 1, 0]},
            "has 0 columns of numbers beside 'label' (and columns of text: text), which"),
    ):  # fmt: skip
        parquet.write_table(pyarrow.table(columns), path)
        refused(path, f"'{path}' {text}")
    hub(path, labels=Y + 1)
    refused(path, f"'{path}' holds labels from 1 to 3, but there are 3 names, for 0 to 2: number the")


@pytest.mark.parametrize(
    ("labels", "classes", "notes"),
    [
        ([" cat", "cat", "cat ", "dog"], ("cat", "dog"), ["names that differ only in spaces around them or in their "]),
        (["cafe\u0301", "caf\xe9", "dog"], ("caf\xe9", "dog"), ["names that differ only in spaces around them or in "]),
        (
            ["Cat", "cat", "dog"],
            ("Cat", "cat", "dog"),
            ["these names look alike, but are different classes: 'Cat' and"],
        ),
        (["01", "02", "10"], ("01", "02", "10"), []),
        (["1", "01", "2"], ("01", "1", "2"), ["these names look alike, but are different classes: '01' and '1'; if"]),
        (["１", "２", "３"], ("１", "２", "３"), []),
        (["700000", "700001", "9"], ("9", "700000", "700001"), []),
        (["7000000000", "7000000001"], ("7000000000", "7000000001"), []),
        (["-1", "1"], ("-1", "1"), []),
        (["1", " 0", "2.0"], ("0", "1", "2"), []),
        (["nul", "con"], ("con", "nul"), []),
    ],
)
def test_labels_are_names_or_numbers_by_one_rule(tmp_path, labels, classes, notes):
    column = [labels[i % len(labels)] for i in range(N)]
    data, said = noted(pixel_table(tmp_path / "a.csv", labels=column))
    assert data.class_names == classes
    assert [text.startswith(note) for text, note in zip(said, notes, strict=True)] == [True] * len(notes)
    number = dict(zip(classes, range(len(classes)), strict=True))
    names = [unicodedata.normalize("NFC", label.strip()).removesuffix(".0") for label in column]
    assert data.train.labels.tolist() == [number[name] for name in names]
    if not notes:
        arrays = Dataset.from_arrays(X, np.array([label.removesuffix(".0") for label in column]))
        assert arrays.class_names == classes
        assert np.array_equal(arrays.train.labels, data.train.labels)


def test_integers_that_are_no_class_numbers_are_names_in_every_form(tmp_path):
    for numbers in ([-1, 1], [700_000, 700_001], [2**60, 3]):
        labels = np.array(numbers)[np.arange(N) % 2]
        names = tuple(map(str, sorted(numbers)))
        path = pixel_table(tmp_path / "a.parquet", labels=labels)
        np.savez(tmp_path / "a.npz", x_train=X, y_train=labels, x_test=X[:4], y_test=labels[1:5])
        for data in (load_dataset(path), load_dataset(tmp_path / "a.npz"), Dataset.from_arrays(X, labels)):
            assert data.class_names == names
            assert [int(names[label]) for label in data.train.labels] == labels.tolist()
        test = load_dataset(tmp_path / "a.npz").test
        assert [int(names[label]) for label in test.labels] == labels[1:5].tolist()


def test_parts_that_do_not_fit_together_are_named(tmp_path):
    train, test = pixel_table(tmp_path / "train.csv"), tmp_path / "test.csv"
    pixel_table(test, labels=np.array(NAMES)[Y])
    refused(tmp_path, f"'{train}' and '{test}' hold labels of different kinds, numbers and text")
    pixel_table(test, names=[f"p{i}" for i in range(36)])
    refused(tmp_path, f"'{test}' has no column 'pixel0' of pixels")
    pixel_table(train, labels=np.array(NAMES)[Y])
    pixel_table(test, labels=np.array(["ant", "cow", "bee"])[Y])
    with pytest.warns(GolmuWarning, match="^12 test images of cow, which training lacks: they are left out$"):
        data = load_dataset(tmp_path)
    assert (data.class_names, len(data.test)) == (NAMES, 24)
    test.unlink()
    other = pixel_table(tmp_path / "train_other.csv")
    refused(
        tmp_path,
        f"'{tmp_path}' holds 2 tables of training images, train.csv, train_other.csv: give the path of one",
    )
    train.unlink()
    other.rename(tmp_path / "test.csv")
    refused(tmp_path, f"'{tmp_path}' holds '{tmp_path}/test.csv', but no table named train")


def test_shards_of_other_columns_are_named(tmp_path):
    hub(tmp_path / "train-0.parquet")
    path = hub(tmp_path / "train-1.parquet", label="kind")
    refused(tmp_path, f"'{path}' has no column 'label', but '{tmp_path}/train-0.parquet' has")
    hub(path, image="photo")
    refused(tmp_path, f"'{path}' has no column 'image' of images")


def test_what_is_no_file_is_named(tmp_path):
    refused(tmp_path / "none.csv", f"cannot read '{tmp_path}/none.csv' (No such file or directory); check the path")
    (tmp_path / "a.csv").mkdir()
    refused(tmp_path / "a.csv", f"'{tmp_path}/a.csv' holds no data set; give ")
    refused(tmp_path / "none.csv", f"name='{tmp_path}/none.csv' is a file itself, so", InputError, folder="x")


def test_limits_are_kept_before_memory_is_taken(tmp_path, monkeypatch):
    path = hub(tmp_path / "bugs.parquet")
    pixels = pixel_table(tmp_path / "bugs.csv")
    with monkeypatch.context() as patched:
        patched.setattr(parquet_files, "MAX_ROWS", 35)
        refused(path, f"'{path}' declares ")
    with monkeypatch.context() as patched:
        patched.setattr(table_folders, "MAX_BYTES", 1000)
        refused(pixels, f"'{pixels}' has {pixels.stat().st_size} bytes, but 1 to 1000 are read; check or split it")
    with monkeypatch.context() as patched:
        patched.setattr(Memory, "max_bytes", 1000)
        refused(
            path,
            "36 images of 6x6x1 (height x width x channels) take 1,296 bytes, but at most 1,000 are read",
            InputError,
        )
    with monkeypatch.context() as patched:
        patched.setattr(Memory, "max_bytes", 1000)
        refused(pixels, f"'{pixels}' holds more than 1000 bytes of pixels, the most that are read; split it")
    with monkeypatch.context() as patched:
        patched.setattr(table_files, "MAX_COLUMNS", 36)
        refused(pixels, f"'{pixels}' has 37 columns, but at most 36 are read")


def test_without_pyarrow_it_is_said_how_to_install_it(tmp_path, monkeypatch):
    path = pixel_table(tmp_path / "bugs.csv")
    real = builtins.__import__

    def lacking(name, *arguments, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", lacking)
    refused(
        path, f"reading '{path}' needs pyarrow, which is not installed: run pip install pyarrow, or install golmu with "
    )


# On the command line


@pytest.mark.parametrize("name", ["bugs.parquet", "bugs.csv"])
def test_tables_are_trained_on_resumed_and_tested_as_they_were_read(run, tmp_path, name):
    path = hub(tmp_path / name) if name.endswith("parquet") else pixel_table(tmp_path / name)
    settings = (
        "--recipe=chapter",
        "--epochs=1",
        "--n-kernels=1",
        "--units=2",
        "--batch-size=4",
        "--size=4x9" if name == "bugs.csv" else "--size=5",
    )
    status, _, err = run("train", path, *settings, "--run", tmp_path / "run")
    assert (status, err) == (0, "")
    status, _, err = run("train", "--resume", tmp_path / "run", "--epochs=2")
    assert (status, err) == (0, "")
    path.rename(tmp_path / f"other-{name}")
    with pytest.warns(GolmuWarning, match="this is the run's own data: judged on its 8 validation images"):
        status, lines, _ = run("evaluate", tmp_path / "run", tmp_path / f"other-{name}")
    assert status == 0
    assert lines[0].startswith("8 validation images of other-bugs: ")
    status, lines, err = run("data", tmp_path / f"other-{name}", "--sheet", tmp_path / "sheet.png")
    assert (status, lines[1]) == (0, "train  36 images of 6x6x1")


@pytest.mark.parametrize("values", [[0, 1], ["TRUE", "FALSE"], ["a", "b"], ["train", ""]])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_column_that_should_split_and_does_not_is_noticed(tmp_path, values, suffix):
    frame = pandas.DataFrame(ROWS, columns=[f"p{i}" for i in range(36)])
    column = np.array([value == "TRUE" for value in values] if values[0] == "TRUE" else values)[np.arange(N) % 2]
    frame = frame.assign(label=Y, split=column)
    path = tmp_path / f"a.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    with pytest.warns(GolmuWarning, match="^the column 'split' of .* is not heeded, since its values are not train, "):
        data = load_dataset(path)
    assert (len(data.train), data.test) == (N, None)


def test_rows_that_a_splitting_column_does_not_assign_are_left_out(tmp_path):
    frame = pandas.DataFrame(ROWS, columns=[f"p{i}" for i in range(36)]).assign(label=Y)
    parts = np.array(["train", "train", "test", "train"])[np.arange(N) % 4].astype(object)
    parts[3], parts[5] = None, "other"
    frame.assign(split=parts).to_csv(tmp_path / "a.csv", index=False)
    with pytest.warns(GolmuWarning, match=r"for the test; rows with another value or none \(2\) are left out$"):
        data = load_dataset(tmp_path / "a.csv")
    assert (len(data.train), len(data.test)) == (N // 4 * 3 - 2, N // 4)


@pytest.mark.parametrize("header", [True, False])
def test_names_of_columns_in_one_part_alone_are_refused(tmp_path, header):
    pixel_table(tmp_path / "train.csv", header=header)
    pixel_table(tmp_path / "test.csv", header=not header)
    first, second = ("train", "test") if header else ("test", "train")
    text = f"'{tmp_path}/{first}.csv' has names of columns in its first row, but '{tmp_path}/{second}.csv' has none; "
    refused(tmp_path, text)


def test_columns_of_labels_that_differ_in_capitals_are_refused(tmp_path):
    frame = pandas.DataFrame(ROWS, columns=[f"p{i}" for i in range(36)]).assign(label=Y, Label=Y[::-1])
    frame.to_csv(tmp_path / "a.csv", index=False)
    refused(
        tmp_path / "a.csv", f"'{tmp_path}/a.csv' has several columns that may hold the labels, label, Label: choose"
    )
    assert load_dataset(tmp_path / "a.csv", label="Label").train.labels.tolist() == Y[::-1].tolist()


# Tables of file names


def photographs(folder, head, ending=".png", encoding="utf-8"):
    """A table of 20 images, which lie in a folder beside it."""
    rows = []
    for i in range(20):
        file = folder / "사진" / f"{i:02}a.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(X[i]))
        rows.append(f"{i:02}a{ending},{'네모' if i % 2 else '동그라미'}")
    table = folder / "labels.csv"
    table.write_bytes("\n".join([head, *rows, ""]).encode(encoding))
    return table


@pytest.mark.parametrize("ending", [".png", ""])
@pytest.mark.parametrize("head", ["파일,label", "picture,label", "파일,종류"])
def test_names_of_files_are_recognised_by_their_values(tmp_path, head, ending):
    table = photographs(tmp_path, head, ending)
    for path in (table, tmp_path):
        data = load_dataset(path)
        assert data.class_names == ("네모", "동그라미")
        assert np.array_equal(data.train.images[..., 0], X[:20])


def test_names_without_endings_are_recognised_if_they_are_numbers_or_name_several_files(tmp_path):
    for i in range(20):
        (tmp_path / f"{i}.png").write_bytes(png(X[i]))
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["번호,종류", *(f"{i},{'ab'[i % 2]}" for i in range(20))]))
    assert np.array_equal(load_dataset(table).train.images[..., 0], X[:20])
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "0.png").write_bytes(png(X[0]))
    (tmp_path / "others").mkdir()
    (tmp_path / "0.png").rename(tmp_path / "others" / "0.png")
    refused(table, f"'0' may be '{tmp_path}/")


def test_of_several_columns_of_file_names_the_known_headings_are_named(tmp_path):
    table = photographs(tmp_path, "파일,label")
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(["그림,파일,label", *(f"{line[:7]},{line}" for line in lines[1:])]), encoding="utf-8")
    for path in (table, tmp_path):
        refused(
            path,
            f"'{table}' has several columns that may hold images, 그림, 파일: rename the right one to file_name, "
            "filename, file, image, image_path, path, filepath, image_id, id or name",
        )


def test_of_two_tables_of_file_names_one_is_to_be_given(tmp_path):
    photographs(tmp_path, "filename,label").rename(tmp_path / "labels-old.csv")
    photographs(tmp_path, "filename,label")
    text = f"'{tmp_path}' holds 2 tables of training images, labels-old.csv, labels.csv: give the path of one, or name"
    refused(tmp_path, text)
    refused(tmp_path, text, label="label")
    assert len(load_dataset(tmp_path / "labels.csv").train) == 20


def test_tables_that_are_neither_for_training_nor_test_may_be_several(tmp_path):
    table = photographs(tmp_path, "filename,label").rename(tmp_path / "train.csv")
    for name in ("notes.csv", "submission.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    data, notes = noted(tmp_path)
    assert len(data.train) == 20
    assert notes == [f"'{tmp_path}/notes.csv' (and 1 more) is ignored, since its name says neither train nor test"]
    assert table.exists()


def test_the_labels_of_a_folder_with_a_table_are_chosen(tmp_path):
    table = photographs(tmp_path, "filename,kind")
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([f"{lines[0]},colour", *(f"{line},{len(line) % 2}" for line in lines[1:])]), "utf-8")
    refused(tmp_path, f"'{table}' has several columns that may hold the labels, kind, colour: choose one with --label")
    assert load_dataset(tmp_path, label="kind").class_names == ("네모", "동그라미")


@pytest.mark.parametrize("name", ["labels.csv", "labels.csv.gz", "labels.tsv"])
def test_tables_that_are_not_utf_8_are_read_as_cp949_with_a_notice(tmp_path, name):
    table = photographs(tmp_path, "파일,종류", encoding="cp949")
    content = table.read_bytes()
    table = table.rename(tmp_path / name)
    if name.endswith("gz"):
        table.write_bytes(gzip.compress(content))
    if name.endswith("tsv"):
        table.write_bytes(content.replace(b",", b"\t"))
    for path in (table, tmp_path):
        data, notes = noted(path)
        assert data.class_names == ("네모", "동그라미")
        assert np.array_equal(data.train.images[..., 0], X[:20])
        assert notes == [f"'{table}' is not UTF-8: it is read as CP949, in which Excel writes Korean"]


def test_the_whole_file_tells_its_encoding(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "CSV_BLOCK_BYTES", 1001)
    table = pixel_table(tmp_path / "a.csv", rows=ROWS[:, :16], labels=["ant"] * (N - 1) + ["네모"])
    assert noted(table)[1] == []
    table.write_bytes(table.read_text(encoding="utf-8").encode("cp949"))
    data, notes = noted(table)
    assert data.class_names == ("ant", "네모")
    assert notes[0] == f"'{table}' is not UTF-8: it is read as CP949, in which Excel writes Korean"
