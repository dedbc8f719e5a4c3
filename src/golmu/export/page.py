"""The network in a page: "Try it", which anyone can open, without Python and without the internet.

The panel stands in the report of a run, and alone as an export. Its JavaScript is in `static/`, as modules that other
pages import and this one joins: `network.js` computes, `fitting.js` reads image files as `golmu predict` does,
`drawing.js` is the area to draw on, `showing.js` shows images and answers, and `try.js` is the panel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import LabelledImages
from golmu.errors import InputError, SaveError
from golmu.export.packing import MAX_BYTES, as_base64, describe_network, stored_type
from golmu.model.predictor import Predictor
from golmu.names import printable
from golmu.pages.rendering import render, render_part
from golmu.preprocessing import border_of
from golmu.system import write_file
from golmu.types import Images

if TYPE_CHECKING:
    from markupsafe import Markup

PAGE = "index.html"
"""The name of the page in the folder of an export."""

SCRIPTS = ("network.js", "fitting.js", "drawing.js", "showing.js", "try.js")
"""The modules of the script, each after those that it imports."""

STATIC = Path(__file__).parent / "static"

MAX_SAMPLES, MAX_OF_A_CLASS = 20, 4
"""Sample images in a page, and those of one class, at most."""

MAX_SAMPLE_BYTES = 400_000
"""Bytes of all sample images, at most."""

DRAWN_SHARE = 0.8
"""The share of the image that what is drawn fills along its longer side, where no sample shows it."""

MIN_SHARE = 0.5
"""The least that such a share may be: a smaller object has been found wrongly."""

CONTRAST = 64
"""How far a pixel's value must be from its ground's to belong to the object."""


class Sample(NamedTuple):
    """An image to click."""

    pixels: NDArray[np.uint8]
    """(h, w, c), of the network's own shape."""
    label: str
    """The class that it shows."""


class TryIt(NamedTuple):
    """The panel of a page."""

    html: Markup
    style: str
    script: str
    """"" where the panel is only a sentence."""


def choose_samples(images: LabelledImages | None, class_names: Sequence[str]) -> list[Sample]:
    """Choose a few images of each class, or of some of the classes if there are many; the first ones of a class.

    There are none where the pixels are neither bytes nor in [0, 1], as a page has no such pixels.
    """
    if images is None or (pixels := _as_bytes(images.images)) is None:
        return []
    n = min(MAX_SAMPLES, MAX_SAMPLE_BYTES // pixels[0].size)
    present = np.unique(images.labels)
    spread = present[np.unique(np.linspace(0, len(present) - 1, max(0, min(n, len(present)))).round().astype(int))]
    of_each = min(MAX_OF_A_CLASS, n // max(1, len(spread)))
    chosen = [i for label in spread for i in np.flatnonzero(images.labels == label)[:of_each].tolist()]
    return [Sample(pixels[i], class_names[images.labels[i]]) for i in chosen]


def _as_bytes(images: Images) -> NDArray[np.uint8] | None:
    """Return images as uint8, or None if they are floats beyond [0, 1]."""
    if images.dtype == np.uint8:
        return images.astype(np.uint8, copy=False)
    if len(images) and 0 <= images.min() <= images.max() <= 1:
        return np.rint(images * 255).astype(np.uint8)
    return None


def page_of(predictor: Predictor, samples: Sequence[Sample] | None = None) -> str:
    """Return a page of one file on which a network can be tried.

    Parameters
    ----------
    predictor
        The network.
    samples
        Images to click (`choose_samples`).

    Returns
    -------
    str
        HTML that loads nothing; where the network is too large for a page, it says so.
    """
    panel = try_it(predictor, samples)
    names = predictor.class_names
    return render(
        "golmu.export", "page.html", style=panel.style, script=panel.script, panel=panel.html, class_names=names
    )


def export_page(predictor: Predictor, folder: Path, samples: Sequence[Sample] | None = None) -> Path:
    """Write the page of a network (`page_of`) into a folder, which is made if need be, and return its path.

    Raises
    ------
    InputError
        If the network is too large for a page, or takes images of which there are no files, and there are no samples.
    SaveError
        If the page cannot be written.
    """
    if reason := _why_not(predictor, samples or ()):
        raise InputError(f"{predictor.name} cannot become a page: {reason}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f"the page cannot be written to {folder}: {error.strerror or error}") from error
    write_file(folder / PAGE, page_of(predictor, samples), "the page")
    return folder / PAGE


def try_it(predictor: Predictor, samples: Sequence[Sample] | None = None) -> TryIt:
    """Make the panel of a network; one sentence where there can be none."""
    from markupsafe import Markup  # noqa: PLC0415

    samples, model = samples or (), predictor.model
    options, kind, reason = predictor.image_files, stored_type(model), _why_not(predictor, samples)
    style = (STATIC / "try.css").read_text(encoding="utf-8")
    html = Markup(
        render_part(
            "golmu.export", "try.html", reason=reason, reads_files=predictor.image_shape[2] in (1, 3),
            knows_ground=bool(options.ground), is_rounded_to_bytes=kind == "int8",
        )
    )  # fmt: skip
    if reason or kind is None:
        return TryIt(html, style, "")
    content = {
        "network": describe_network(model, kind),
        "files": {"ground": options.ground, "inversion": options.inversion},
        "drawnShare": drawn_share(samples),
        "samples": [{"pixels": as_base64(one.pixels), "label": printable(one.label)} for one in samples],
    }
    parts = [without_module_words((STATIC / name).read_text(encoding="utf-8")) for name in SCRIPTS]
    return TryIt(html, style, "\n".join(['"use strict";', *parts, f"startTryIt({as_script(content)});"]))


def without_module_words(module: str) -> str:
    """Return an ES module without its `import` lines and `export` words, so that all that follows knows what it names.

    An import stands on a line of its own, and an export before what it declares; names must differ between the modules.
    """
    return re.sub(r"^(import .*;\n|export )", "", module, flags=re.MULTILINE)


def _why_not(predictor: Predictor, samples: Sequence[Sample]) -> str:
    """Why a network cannot be tried in a page; "" if it can."""
    n, channels = predictor.model.architecture.n_parameters, predictor.image_shape[2]
    if stored_type(predictor.model) is None:
        return f"it has {n:,} parameters, and a page holds at most {MAX_BYTES:,}"
    if channels not in (1, 3) and not samples:
        return f"it takes images of {channels} channels, and image files have 1 or 3"
    return ""


def drawn_share(samples: Sequence[Sample]) -> float:
    """Return how much of an image the object fills along its longer side, as the median of the samples.

    Handwritten digits are centred with a wide margin, and clothes fill the image: what is drawn should do the same.
    """
    shares = []
    for pixels, _ in samples:
        ground = np.median(border_of(pixels[None])[0], axis=0)
        rows, columns = np.nonzero((np.abs(pixels - ground) > CONTRAST).any(axis=2))
        if len(rows):
            height, width, _ = pixels.shape
            shares.append(max((np.ptp(rows) + 1) / height, (np.ptp(columns) + 1) / width))
    return max(MIN_SHARE, float(np.median(shares))) if shares else DRAWN_SHARE


def as_script(value: Any) -> str:
    """Return JSON that may stand in a script of a page: no < is left in it, with which the script could end."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
