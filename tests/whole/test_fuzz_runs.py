"""A run's files edited by hand, sealed again where they have a seal: every command answers, or with one error."""

import copy
import json
import shutil

import numpy as np
import pytest
import safetensors
from PIL import Image

from golmu.cli.commands.compare import compare_runs
from golmu.cli.commands.evaluate import evaluate_run
from golmu.cli.commands.explain import explain_run
from golmu.cli.commands.predict import predict_files
from golmu.cli.commands.report import report_run
from golmu.cli.commands.train import train_run
from golmu.errors import GolmuError
from golmu.model import sealed_file

pytestmark = pytest.mark.filterwarnings("ignore")

WRONG = [
    None, True, -1, 0, 10**30, 1e308, float("nan"), float("inf"), "x", "", [], {}, [1, "a"], {"a": 1}, "<script>",
    "9" * 30,
]  # fmt: skip
GONE = object()
N_TRIES = 12


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A run with patience, so that its checkpoint holds all there may be, and an image."""
    folder = tmp_path_factory.mktemp("fuzz")
    rng = np.random.default_rng(0)
    np.savez(
        folder / "data.npz", x_train=rng.integers(0, 256, (60, 8, 8), np.uint8), y_train=np.arange(60) % 3,
        x_test=rng.integers(0, 256, (20, 8, 8), np.uint8), y_test=np.arange(20) % 3,
    )  # fmt: skip
    Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)).save(folder / "image.png")
    settings = {"epochs": 2, "n_kernels": 2, "units": 4, "batch_size": 8, "patience": 5}
    train_run(str(folder / "data.npz"), "chapter", settings, run=folder / "good", seed=1)
    return folder


def commands(good):
    """What is done with a run, by its name."""
    return {
        "report": report_run,
        "compare": lambda run: compare_runs([run, good / "good"], good / "comparison.html"),
        "evaluate": evaluate_run,
        "predict": lambda run: predict_files(run, [good / "image.png"]),
        "explain": lambda run: explain_run(run, "1"),
        "resume": lambda run: train_run(None, resume=run, given={"epochs": 3}),
    }


def places(value, at=()):
    for name, inner in value.items():
        yield (*at, name)
        if isinstance(inner, dict):
            yield from places(inner, (*at, name))


def change(value, at, wrong):
    value = copy.deepcopy(value)
    inner = value
    for name in at[:-1]:
        inner = inner[name]
    if wrong is GONE:
        del inner[at[-1]]
    else:
        inner[at[-1]] = wrong
    return value


def attack(good, edit, names):
    run = good / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(good / "good", run)
    edit(run)
    for name in names:
        try:
            commands(good)[name](run)
        except GolmuError:
            pass
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}") from error


def draws(value, rng):
    """Places of a value, each with what is put there."""
    at = [place for place in places(value) if place[0] not in ("versions", "machine", "sha256")]
    return [(at[rng.integers(len(at))], [*WRONG, GONE][rng.integers(len(WRONG) + 1)]) for _ in range(N_TRIES)]


def test_a_record(good):
    record = json.loads((good / "good" / "run.json").read_text())
    rng = np.random.default_rng(0)
    for at, wrong in draws(record, rng):
        text = json.dumps(change(record, at, wrong))
        attack(good, lambda run, text=text: (run / "run.json").write_text(text), [rng.choice([*commands(good)])])


@pytest.mark.parametrize(("kind", "names"), [("model", ["predict", "explain"]), ("checkpoint", ["resume"])])
def test_a_description(good, kind, names):
    with safetensors.safe_open(good / "good" / f"{kind}.safetensors", "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no dict
        description = json.loads(file.metadata()["golmu"])
    for at, wrong in draws(description, np.random.default_rng(1)):
        edited = change(description, at, wrong)

        def seal(run, edited=edited):
            sealed_file.write(run / f"{kind}.safetensors", tensors, edited, what=kind)

        attack(good, seal, names[: 1 + (kind == "model" and wrong == "x")])


HISTORIES = [
    "1,nan,nan,nan,nan\n2,1,1,1,1\n", "1,inf,inf,inf,inf\n2,-inf,1,1,1\n", "1,1e308,1e308,1e308,1\n2,1e-320,1,1,0\n",
    "1,-1,-1,-5,-3\n2,0,0,0,0\n", "1,1,1,1,1\n" * 300, "1,١,1,1,1\n2,1_0,1,1,1\n",
    '1,"' + "9" * 200_000 + '",1,1,1\n', "", "1,nan,nan,nan,0\n2,nan,nan,nan,0\n", "\0,1,1,1,1\n2,1,1,1,1",
]  # fmt: skip


def test_a_history(good):
    for number, rows in enumerate(HISTORIES):
        text = "epoch,train_loss,val_loss,val_accuracy,seconds\n" + rows

        def write(run, text=text):
            (run / "history.csv").write_text(text)

        attack(good, write, ["compare" if number % 4 else "report"])
