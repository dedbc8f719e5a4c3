"""`golmu find-lr`: the suggestion, the curve, and what suggests nothing."""

import json

from PIL import Image

from golmu.training.lr_range_test import SAFETY_FACTOR

SMALL = ("--steps", 60, "--batch-size", 16, "--n-kernels", 2, "--units", 8)


def test_the_command(run, data, tmp_path):
    plot = tmp_path / "rates.png"
    words = ("find-lr", data, "--plot", plot, *SMALL)
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert out[0].startswith("recipe any, since the images are grey; ")
    assert out[1].startswith("suggested learning rate: ")
    assert out[2] == f"curve: {plot}"
    assert Image.open(plot).size[0] > 500
    status, out, _ = run(*words, "--json", "--seed", 3)
    found = json.loads("\n".join(out))
    assert found["suggestion"] == found["lowest"] / SAFETY_FACTOR
    assert len(found["rates"]) == len(found["losses"]) <= 60
    assert run(*words, "--json", "--seed", 3)[1] == out


def test_a_plot_that_cannot_be_written(run, data, tmp_path):
    status, _, err = run("find-lr", data, "--plot", tmp_path / "no" / "where.png")
    assert status == 1
    assert err == (
        f"golmu: error: the curve cannot be written to {tmp_path}/no/where.png: there is no folder {tmp_path}/no\n"
    )
    (tmp_path / "folder.png").mkdir()
    status, _, err = run("find-lr", data, "--plot", tmp_path / "folder.png", *SMALL)
    assert status == 1
    assert err.startswith(f"golmu: error: the curve cannot be written to {tmp_path}/folder.png: ")


def test_what_is_lowest_at_an_end_suggests_nothing(run, data, tmp_path):
    plot = ("--plot", tmp_path / "curve.png", "--batch-size", 16, "--recipe", "chapter")
    for low, high, text in [
        (20, 40, "the loss is lowest at 20, too near low=20 to suggest a rate: give a lower one (--low)"),
        (1e-9, 1e-8, "the loss does not fall between low=1e-09 and high=1e-08: give others (--low, --high)"),
        (1e-300, 1e300, "low must be below high, and both from 1e-30 to 1e+30, got 1e-300 and 1e+300"),
    ]:
        assert run("find-lr", data, "--low", low, "--high", high, *plot)[::2] == (2, f"golmu: error: {text}\n")
    assert run("find-lr", data, "--plot", "curve.jpg")[::2] == (
        2, "golmu: error: plot must name a .png file, got curve.jpg\n"
    )  # fmt: skip
    assert not (tmp_path / "curve.png").exists()
