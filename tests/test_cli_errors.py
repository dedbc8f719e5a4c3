"""How the console command ends when something is wrong: one line that says what, and the exit status."""

import json
import shutil

import pytest

from command import read
from golmu import trainer
from golmu.data.idx import MNIST_FILES
from golmu.data.loading import WHAT_DATA_IS
from golmu.engines import ENGINE_NAMES
from golmu.recipes import RECIPES


@pytest.fixture
def places(tmp_path, data, finished, pictures):
    """Names for the paths in the table below."""
    corrupt = shutil.copytree(data, tmp_path / "corrupt")
    content = (corrupt / MNIST_FILES[0]).read_bytes()
    (corrupt / MNIST_FILES[0]).write_bytes(content[:-1])
    partial = shutil.copytree(data, tmp_path / "partial")
    (partial / MNIST_FILES[2]).unlink()
    (tmp_path / "file").write_text("x")
    empty = tmp_path / "empty"
    empty.mkdir()
    no_model = shutil.copytree(finished.folder, tmp_path / "no_model")
    (no_model / "model.safetensors").unlink()
    bad_model = shutil.copytree(finished.folder, tmp_path / "bad_model")
    (bad_model / "model.safetensors").write_bytes(b"x" * 100)
    bad_run = shutil.copytree(finished.folder, tmp_path / "bad_run")
    (bad_run / "run.json").write_text("[1]")
    return {
        "tmp": tmp_path, "data": data, "run": finished.folder, "pictures": pictures, "corrupt": corrupt,
        "partial": partial, "no_model": no_model, "bad_model": bad_model, "bad_run": bad_run, "empty": empty,
    }  # fmt: skip


ENGINES = ", ".join(ENGINE_NAMES)
NO_MODEL = "the run {no_model} holds no model, and its training is finished: go on by golmu train --resume {no_model}"
RECIPE_NAMES = ", ".join(RECIPES)
SHARE = "must be a number of at least 0 and below 1, got"
INTEGER = "must be an integer of at least 1, got"

WRONG = {
    "unknown data set": ("train fashion-mnis",
        f"there is no data set named 'fashion-mnis' (did you mean 'fashion-mnist'?); give {WHAT_DATA_IS}"),
    "data folder that is not there": ("data {tmp}/nowhere",
        f"there is no '{{tmp}}/nowhere'; give {WHAT_DATA_IS}"),
    "missing file": ("train {partial}",
        "folder '{partial}' lacks 1 of 4 files: t10k-images-idx3-ubyte (each may end in .gz); add them or name "
        "another folder"),
    "corrupt IDX": ("train {corrupt}",
        "'{corrupt}/train-images-idx3-ubyte' is 12015 bytes long, where its header declares 12016 for shape "
        "(400, 6, 5); copy or download the file again"),
    "unknown recipe": ("train {data} --recipe chaptr",
        f"recipe must be one of {RECIPE_NAMES}, got 'chaptr'; did you mean 'chapter'?"),
    "no epochs": ("train {data} --epochs 0", f"epochs {INTEGER} 0"),
    "negative kernels": ("train {data} --n-kernels -1", f"n_kernels {INTEGER} -1"),
    "units that are no number": ("train {data} --units ten", "Invalid value for '--units': "),
    "no batch": ("train {data} --batch-size 0", f"batch_size {INTEGER} 0"),
    "learning rate nan": ("train {data} --learning-rate nan", "learning_rate must be a finite number above 0, got nan"),
    "negative seed": ("train {data} --seed -1", "Invalid value for '--seed': "),
    "unknown engine": ("train {data} --engine tensorflw",
        f"engine must be one of {ENGINES}, got 'tensorflw'; did you mean 'tensorflow'?"),
    "unknown optimizer": ("train {data} --optimizer adm",
        "optimizer must be one of sgd, nesterov, adam, adamw, got 'adm'; did you mean 'adam'?"),
    "momentum 1": ("train {data} --momentum 1", f"momentum {SHARE} 1.0"),
    "negative decay": ("train {data} --weight-decay -1", "weight_decay must be a number of at least 0, got -1.0"),
    "unknown schedule": ("train {data} --schedule step",
        "schedule must be one of constant, triangular, cosine, got 'step'"),
    "warm-up of all": ("train {data} --warmup 1", f"warmup {SHARE} 1.0"),
    "negative final rate": ("train {data} --final-rate -1", f"final_rate {SHARE} -1.0"),
    "no final batch": ("train {data} --final-batch-size 0", f"final_batch_size {INTEGER} 0"),
    "smoothing nan": ("train {data} --label-smoothing nan", f"label_smoothing {SHARE} nan"),
    "all features dropped": ("train {data} --feature-dropout 1", f"feature_dropout {SHARE} 1.0"),
    "all hidden units dropped": ("train {data} --hidden-dropout 1", f"hidden_dropout {SHARE} 1.0"),
    "negative shift": ("train {data} --shift -1", "shift must be an integer from 0 to 32768, got -1"),
    "negative erase": ("train {data} --erase -1", "erase must be an integer from 0 to 32768, got -1"),
    "ema 1": ("train {data} --ema 1", f"ema {SHARE} 1.0"),
    "more averaged epochs than epochs": ("train {data} --average-epochs 61",
        "average_epochs is 61, but there are only 60 epochs"),
    "size that is none": ("train {data} --size 6by5",
        "size must be a number of pixels, as 28, or height x width, as 24x32, got '6by5'"),
    "size of no pixel": ("train {data} --size 0", "size must be an integer from 2 to 4096, got 0"),
    "size of other arrays": ("train {data} --size 28",
        "size=28x28 was asked for, but 'shapes' holds arrays of 6x5: only image files are fitted to a size; leave it "
        "out"),
    "two channels": ("train {data} --channels 2", "channels must be 1 (grey) or 3 (RGB), got 2"),
    "channels of other arrays": ("train {data} --channels 3",
        "channels=3 was asked for, but 'shapes' holds arrays with 1: only image files are made grey or RGB; leave it "
        "out"),
    "find-lr, size of no pixel": ("find-lr {data} --size 0", "size must be an integer from 2 to 4096, got 0"),
    "find-lr, colours": ("find-lr {data} --channels 4", "channels must be an integer from 1 to 3, got 4"),
    "resume with other images": ("train --resume {run} --size 8 --channels 3 --skip-bad",
        "{run} cannot go on with this: size is 6x5, not 8x8; channels is 1, not 3; skip_bad is False, not True. Start "
        "a new run, or give what the run began with"),
    "data, size that is none": ("data {data} --size -1",
        "size must be a number of pixels, as 28, or height x width, as 24x32, got '-1'"),
    "data, two channels": ("data {data} --channels 2", "channels must be 1 (grey) or 3 (RGB), got 2"),
    "data, sheet of another kind": ("data {data} --sheet {tmp}/sheet.jpg",
        "sheet must name a .png file, got {tmp}/sheet.jpg"),
    "label of no column": ("train {data} --label kind",
        "label='kind' was asked for, but 'shapes' is no table with columns; leave it out"),
    "find-lr, label of no column": ("find-lr {data} --label kind",
        "label='kind' was asked for, but 'shapes' is no table with columns; leave it out"),
    "data, label of no column": ("data {data} --label kind",
        "label='kind' was asked for, but 'shapes' is no table with columns; leave it out"),
    "evaluate, label of no column": ("evaluate {run} --label kind",
        "label='kind' was asked for, but 'shapes' is no table with columns; leave it out"),
    "recipes with an argument": ("recipes best", "Got unexpected extra argument(s) (best)"),
    "find-lr in unknown data": ("find-lr {tmp}/nowhere",
        f"there is no '{{tmp}}/nowhere'; give {WHAT_DATA_IS}"),
    "find-lr far below what is too much": ("find-lr {data} --recipe chapter --low 0.001 --high 0.02 --batch-size 16",
        "the loss still falls at high=0.02: give a higher one (--high)"),
    "find-lr downwards": ("find-lr {data} --low 1 --high 0.1",
        "low must be below high, and both from 1e-30 to 1e+30, got 1 and 0.1"),
    "find-lr to infinity": ("find-lr {data} --plot {tmp}/curve.png --high inf",
        "high must be a finite number above 0, got inf"),
    "find-lr from 0": ("find-lr {data} --low 0", "low must be a finite number above 0, got 0.0"),
    "find-lr in few steps": ("find-lr {data} --steps 9",
        "Invalid value for '--steps': Input should be greater than or equal to 10"),
    "find-lr, unknown recipe": ("find-lr {data} --recipe chaptr",
        f"recipe must be one of {RECIPE_NAMES}, got 'chaptr'; did you mean 'chapter'?"),
    "find-lr, no kernels": ("find-lr {data} --n-kernels 0", f"n_kernels {INTEGER} 0"),
    "find-lr, no units": ("find-lr {data} --units 0", f"units {INTEGER} 0"),
    "find-lr, no batch": ("find-lr {data} --batch-size 0", f"batch_size {INTEGER} 0"),
    "find-lr, unknown optimizer": ("find-lr {data} --optimizer sdg",
        "optimizer must be one of sgd, nesterov, adam, adamw, got 'sdg'; did you mean 'sgd'?"),
    "find-lr, momentum 1": ("find-lr {data} --momentum 1", f"momentum {SHARE} 1.0"),
    "find-lr, unknown engine": ("find-lr {data} --engine tensorflw",
        f"engine must be one of {ENGINES}, got 'tensorflw'; did you mean 'tensorflow'?"),
    "find-lr, no threads": ("find-lr {data} --threads 0",
        "Invalid value for '--threads': Input should be greater than or equal to 1"),
    "find-lr, negative seed": ("find-lr {data} --seed -1", "Invalid value for '--seed': "),
    "find-lr, folder for a folder": ("find-lr {data} --folder {tmp}",
        "name='{data}' is a folder itself, so folder='{tmp}' has no use; leave it out"),
    "unknown moment of the loss": ("train {data} --record-loss never",
        "record_loss must be one of after, before, got 'never'"),
    "no threads": ("train {data} --threads 0",
        "Invalid value for '--threads': Input should be greater than or equal to 1"),
    "folder of a named data set that is not there": ("train fashion-mnist --folder {tmp}/file --epochs 0",
        f"epochs {INTEGER} 0"),
    "evaluate with a folder for a folder": ("evaluate {run} --folder {tmp}",
        "name='{data}' is a folder itself, so folder='{tmp}' has no use; leave it out"),
    "data with a folder for a folder": ("data {data} --folder {tmp}",
        "name='{data}' is a folder itself, so folder='{tmp}' has no use; leave it out"),
    "far too many kernels": ("train {data} --n-kernels 1000000000000 --run {tmp}/new",
        "n_kernels=1000000000000 and units=100 on images of shape (6, 5, 1) make 610,000,000,000,403 parameters, "
        "and at most 1,073,741,824 are supported: lower them"),
    "run folder not empty": ("train {data} --run {run}",
        "the run folder {run} is not empty: name a new one, so that no run is lost, or go on with it by "
        "--resume {run} (resume=)"),
    "run folder that is a file": ("train {data} --run {tmp}/file",
        "the run folder {tmp}/file cannot be made (File exists): name another"),
    "run folder that cannot be made": ("train {data} --run {tmp}/file/run",
        "the run folder {tmp}/file/run cannot be made (Not a directory): name another"),
    "inexact without resume": ("train {data} --allow-inexact",
        "--allow-inexact is about going on with a run: give --resume RUN too"),
    "no patience": ("train {data} --patience 0", f"patience {INTEGER} 0"),
    "resume what is no run": ("train --resume {empty}", "{empty} is not a run folder: it holds no run.json"),
    "resume nothing": ("train --resume {tmp}/nowhere", "there is no run folder {tmp}/nowhere"),
    "resume into a new folder": ("train --resume {run} --run {tmp}/new",
        "--run names a new folder, and --resume one to go on in: give one of them"),
    "resume with other settings": ("train --resume {run} --units 9 --seed 7",
        "{run} cannot go on with this: units is 8, not 9; seed is 42, not 7. Start a new run, or give what the run "
        "began with"),
    "resume with another recipe": ("train --resume {run} --recipe chapter",
        "{run} cannot go on with this: n_kernels is 2, not 10; units is 8, not 100; batch_size is 16, not 128; "
        "learning_rate is 0.1, not 0.01. Start a new run, or give what the run began with"),
    "resume for fewer epochs": ("train --resume {run} --epochs 1",
        "{run} has done 2 epochs already: epochs must be at least that, got 1"),
    "resume with another engine": ("train --resume {run} --engine tensorflow",
        "{run} would go on with engine tensorflow, not fused, and not give the bits of an uninterrupted run: allow it "
        "with --allow-inexact (allow_inexact=True), or use what the run began with"),
    "folder for a folder": ("train {data} --folder {tmp}",
        "name='{data}' is a folder itself, so folder='{tmp}' has no use; leave it out"),
    "evaluate no run": ("evaluate {tmp}/nowhere", "there is no run folder {tmp}/nowhere"),
    "evaluate a file": ("evaluate {tmp}/file", "there is no run folder {tmp}/file"),
    "evaluate another folder": ("evaluate {empty}", "{empty} is not a run folder: it holds no run.json"),
    "evaluate without model": ("evaluate {no_model}", NO_MODEL),
    "evaluate with a damaged model": ("evaluate {bad_model}",
        "{bad_model}/model.safetensors is not a whole safetensors file: "),
    "evaluate with a damaged run.json": ("evaluate {bad_run}", "{bad_run}/run.json must hold a JSON object, got list"),
    "evaluate on no data": ("evaluate {run} {empty}", f"'{{empty}}' holds no data set; give {WHAT_DATA_IS}"),
    "export to another kind of file": ("export {run} --output {tmp}/network.h5",
        "the file must be called *.keras, got network.h5: what it holds is a Keras model"),
    "export without model": ("export {no_model}", NO_MODEL),
    "predict without model": ("predict {no_model} {pictures}",
        NO_MODEL),
    "predict no image": ("predict {run} {tmp}/nowhere.png", "there is no image {tmp}/nowhere.png"),
    "explain inverted somehow": ("explain {run} {tmp}/file --invert maybe",
        "invert must be one of auto, yes, no, got 'maybe'"),
    "explain a number inverted": ("explain {run} 7 --invert yes",
        "--invert is about image files, got the number 7: leave it out, or name ./7"),
    "predict inverted somehow": ("predict {run} {tmp}/file --invert maybe",
        "invert must be one of auto, yes, no, got 'maybe'"),
    "predict an empty folder": ("predict {run} {empty}", "the folder {empty} holds no image: files named .png, "),
    "predict what is no image": ("predict {run} {tmp}/file",
        "{tmp}/file is not an image, or one of a format that is not known"),
    "a name that is too long": ("predict {run} " + "a" * 5000, "a" * 5000 + " cannot be read: File name too long"),
    "report of no run": ("report {tmp}/nowhere --output {tmp}/page.html", "there is no run folder {tmp}/nowhere"),
    "report without model": ("report {no_model}", NO_MODEL),
    "report on no data": ("report {run} {empty}",
        "'{empty}' holds no data set; give a data set by name (fashion-mnist, digits), a folder of class folders of "
        "images, of IDX files or of tables, or an .npz, .parquet or .csv file"),
    "report with a folder for a folder": ("report {run} --folder {tmp}",
        "name='{data}' is a folder itself, so folder='{tmp}' has no use; leave it out"),
    "compare one run": ("compare {run}", "RUN must name at least 2 runs to compare, got 1"),
    "compare a run with itself": ("compare {run} {run}/../done --output {tmp}/page.html",
        "RUN names a run twice: name each once"),
    "compare with no run": ("compare {run} {tmp}/nowhere", "there is no run folder {tmp}/nowhere"),
    "explain no run": ("explain {tmp}/nowhere 0", "there is no run folder {tmp}/nowhere"),
    "explain without model": ("explain {no_model} 0", NO_MODEL),
    "explain an image that is not there": ("explain {run} 80",
        "there is no validation image 80: they are counted from 0 to 79; a file of this name is ./80"),
    "explain a test image that is not there": ("explain {run} 100 --test",
        "there is no test image 100: they are counted from 0 to 99; a file of this name is ./100"),
    "explain a file as a test image": ("explain {run} {pictures}/0.png --test",
        "--test is about the number of an image, got {pictures}/0.png: leave it out"),
    "explain a file of data": ("explain {run} {pictures}/0.png --data {data}",
        "--data is about the number of an image, got {pictures}/0.png: leave it out"),
    "explain a number in no data": ("explain {run} 0 --data {empty}",
        f"'{{empty}}' holds no data set; give {WHAT_DATA_IS}"),
    "explain no image": ("explain {run} {tmp}/nowhere.png", "{tmp}/nowhere.png is not a readable image: "),
    "explain an unknown class": ("explain {run} 0 --target three", "target must be one of 0, 1, 2, got 'three'"),
    "explain to a file of another kind": ("explain {run} 0 --output {tmp}/figure.txt",
        "output must name a .png, .svg or .pdf file, got {tmp}/figure.txt"),
    "explain with a folder for a folder": ("explain {run} 0 --folder {tmp}",
        "name='{data}' is a folder itself, so folder='{tmp}' has no use; leave it out"),
    "unknown option": ("train {data} --epchs 3", "No such option: --epchs"),
    "unknown command": ("trane", "No such command 'trane'."),
    "no data": (
        "train", "DATA is missing: name a data set or a folder, or a run to go on with by --resume RUN"),
    "no images": ("predict {run}", "Missing argument 'IMAGE...'."),
    "too many arguments": ("data {data} {data}", "Got unexpected extra argument"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_and_exit_status_2(case, run, places):
    line, text = WRONG[case]
    status, out, err = run(*(word.format(**places) for word in line.split()))
    assert status == 2
    assert err.startswith(f"golmu: error: {text.format(**places)}")
    whole = not text.endswith((": ", ", ", "'.", "--epchs", "argument"))
    assert err.count("\n") == 1
    assert not whole or err == f"golmu: error: {text.format(**places)}\n"
    assert not out or case == "far too many kernels"


def test_the_data_of_another_network_are_refused(run, finished, tmp_path, write_idx, data):
    other = shutil.copytree(data, tmp_path / "other")
    for name in (MNIST_FILES[0], MNIST_FILES[2]):
        content = bytearray((other / name).read_bytes())
        content[11], content[15] = content[15], content[11]  # 5×6 pixels instead of 6×5
        (other / name).write_bytes(content)
    assert run("evaluate", finished.folder, other) == (
        2,
        [],
        f"golmu: error: other holds images of shape (5, 6, 1), but {finished.folder} was trained on (6, 5, 1)\n",
    )


def test_a_run_that_does_not_say_its_data_asks_for_them(run, places):
    record = read(places["run"])
    del record["data"]
    (places["no_model"] / "run.json").write_text(json.dumps(record))
    shutil.copy(places["run"] / "model.safetensors", places["no_model"])
    status, _, err = run("evaluate", places["no_model"])
    assert status == 2
    assert err.endswith("run.json does not say what data the run was trained on: name it\n")


def test_a_name_with_spaces_and_a_line_break_is_shown_on_one_line(run):
    status, _, err = run("evaluate", "a  b\nc")
    assert (status, err) == (2, "golmu: error: there is no run folder a  b c\n")


def test_a_sheet_that_cannot_be_written(run, data, tmp_path):
    (tmp_path / "sheet.png").mkdir()
    for sheet, reason in (("none/a.png", f"there is no folder {tmp_path}/none"), ("sheet.png", "Is a directory")):
        path = tmp_path / sheet
        text = f"golmu: error: the sheet cannot be written to {path}: {reason}\n"
        assert run("data", data, "--sheet", path) == (1, [], text)


def test_errors_of_the_system_are_one_line(run, data, monkeypatch):
    def full(_folder, _stem):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer.runs, "create_run", full)
    assert run("train", data)[::2] == (1, "golmu: error: [Errno 28] No space left on device\n")

    def exhausted(_folder, _stem):
        raise MemoryError("1 TiB for an array")

    monkeypatch.setattr(trainer.runs, "create_run", exhausted)
    assert run("train", data)[::2] == (1, "golmu: error: out of memory: 1 TiB for an array\n")
