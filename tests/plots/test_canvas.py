"""Figures as the content of files, and as elements of a page."""

import os
import re
import subprocess
import sys
import threading
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from golmu.plots import accuracies, canvas, curves, png, svg
from golmu.training.history import History

HISTORY = History([2.0, 1.5, 1.25], [1.9, 1.6, 1.4], [0.3, 0.5, 0.6], [1.0, 1.0, 1.0])


def test_png_is_a_picture_of_the_whole_figure():
    picture = Image.open(BytesIO(png(curves(HISTORY), dpi=100)))
    assert picture.format == "PNG"
    assert picture.size == (700, 420)
    pixels = np.asarray(picture.convert("RGB"))
    assert (pixels[0, 0] == 255).all()
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50


def test_drawing_leaves_pyplot_alone():
    from matplotlib import pyplot

    curves(HISTORY)
    assert pyplot.get_fignums() == []


USERS_SETTINGS = """
text.usetex: True
figure.facecolor: black
figure.figsize: 1, 1
savefig.bbox: tight
font.size: 30
axes.grid: False
"""

DRAW = """
import hashlib
from golmu.plots import curves, explanation, png, samples
from golmu.training.history import History
import numpy as np
history = History([2.0, 1.5, 1.25], [1.9, 1.6, 1.4], [0.3, 0.5, 0.6], [1.0, 1.0, 1.0])
sheet = samples(np.arange(128, dtype=np.uint8).reshape(2, 8, 8, 1), np.array([0, 1]), ["a_b", "100 %"])
for figure in (curves(history), sheet):
    print(hashlib.sha256(png(figure)).hexdigest())
import matplotlib
print(matplotlib.rcParams["figure.facecolor"], matplotlib.rcParams["text.usetex"])
"""


def _draw(tmp_path, settings, **environment):
    (tmp_path / "matplotlibrc").write_bytes(settings.encode("cp949"))
    environment = os.environ | {"MPLCONFIGDIR": str(tmp_path), "PATH": str(tmp_path)} | environment
    done = subprocess.run([sys.executable, "-c", DRAW], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_figures_are_the_same_whatever_the_users_settings(tmp_path):
    """LaTeX in `matplotlibrc`, or the backend of a notebook that is not installed here, ended a training."""
    *plain, _ = _draw(tmp_path, "", MPLBACKEND="agg")
    *drawn, settings = _draw(tmp_path, USERS_SETTINGS, MPLBACKEND="module://not_installed.backend_inline")
    assert drawn == plain
    assert settings == "black True"
    *drawn, settings = _draw(tmp_path, f"# 주석\n{USERS_SETTINGS}")
    assert drawn == plain
    assert settings == "white False"  # a file that is not UTF-8 is read by nobody


def test_the_users_own_axes_keep_the_users_settings():
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    def size(axes):
        return axes.get_legend().get_texts()[0].get_fontsize()

    with rc_context({"legend.fontsize": 17}):
        assert size(curves(HISTORY, Figure().subplots())) == 17
        assert size(curves(HISTORY)) != 17


def test_the_users_backend_is_kept_where_there_is_one():
    code = "import os; from golmu.plots import canvas; m = canvas.import_matplotlib(); " \
           "print(m.rcParams['backend'], os.environ['MPLBACKEND'])"  # fmt: skip
    environment = os.environ | {"MPLBACKEND": "svg"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["svg", "svg"]


def test_svg_is_an_element_in_the_pages_colours():
    text = svg(lambda axes: curves(HISTORY, axes))
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    words = [element.text.strip() for element in root.iter() if element.tag.endswith("text")]
    assert {"epoch", "loss (cross-entropy)", "training", "validation"} <= set(words)
    assert "currentColor" in text
    assert "var(--blue)" in text
    assert "var(--orange)" in text
    assert set(re.findall("#[0-9a-f]{6}", text)) == {canvas.GREY}
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert text == svg(lambda axes: curves(HISTORY, axes))


def test_two_elements_share_no_identifier_but_for_the_same_thing():
    first, second = (svg(lambda axes, draw=draw: draw(HISTORY, axes)) for draw in (curves, accuracies))

    def parts(text):
        elements = ElementTree.fromstring(text).iter()
        return {element.get("id"): ElementTree.tostring(element) for element in elements if element.get("id")}

    for name in parts(first).keys() & parts(second).keys():
        assert parts(first)[name] == parts(second)[name]


def test_threads_draw_one_after_another():
    """Matplotlib's settings are those of all threads."""
    matplotlib, is_drawing, found = canvas.import_matplotlib(), threading.Event(), []

    def draw():
        with canvas.own_settings(**{"axes.grid": True}):
            is_drawing.set()
            found.append(matplotlib.rcParams["axes.grid"])

    with canvas.own_settings():
        thread = threading.Thread(target=draw)
        thread.start()
        assert not is_drawing.wait(0.3)
        assert not matplotlib.rcParams["axes.grid"]
    thread.join(60)
    assert found == [True]
