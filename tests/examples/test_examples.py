"""The examples run as they are, on small settings where they take any."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"

SMALL = {"grid_search": ["2"], "own_photos": [], "autodiff": [], "beat_the_chapter": []}
"""Arguments of each example."""


def test_every_example_is_run_here():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_an_example_runs(name, tmp_path):
    if name == "autodiff" and importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs TensorFlow")
    assert output_of(name, *SMALL[name], folder=tmp_path)


def test_own_photos_takes_a_folder_of_yours(tmp_path, desk_of_photos):
    said = output_of("own_photos", str(desk_of_photos), "2", folder=tmp_path)
    assert "cat, dog" in said
    assert re.search(r"^(cat|dog)/\d+\.png: (cat|dog), [01]\.\d\d$", said, re.MULTILINE)


@pytest.fixture
def desk_of_photos(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "photos" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (32, 40, 3), np.uint8) // (1 + number % 2)
        Image.fromarray(pixels).save(folder / f"{number // 2}.png")
    return tmp_path / "photos"


def output_of(name, *arguments, folder):
    """What an example prints; it must leave nothing behind."""
    before = set(folder.iterdir())
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *arguments],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False, env=os.environ | {"PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(folder.iterdir()) == before
    return done.stdout
