"""Draws docs/images/explanation.png and curves.png, figures of `golmu.plots`: python docs/draw_figures.py."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from golmu import ConvolutionNetwork, Dataset, explain, load_dataset, plots

IMAGES = Path(__file__).parent / "images"

NUMBER = 46
"""Of the validation image that is explained."""


def main() -> None:
    dataset = load_dataset("fashion-mnist")
    save(explanation(dataset), IMAGES / "explanation.png")
    save(curves(dataset), IMAGES / "curves.png")


def explanation(dataset: Dataset) -> Figure:
    """An image on its way through the network."""
    train, validation = dataset.split()
    network = ConvolutionNetwork.from_recipe("best", epochs=12, random_state=42).fit(train.images, train.labels)
    found = explain(network, validation.images[NUMBER], class_names=dataset.class_names)
    return plots.explanation(found, f"validation image {NUMBER}", int(validation.labels[NUMBER]))


def curves(dataset: Dataset) -> Figure:
    """The losses of 20 epochs, as in the book."""
    train, validation = dataset.split()
    network = ConvolutionNetwork.from_recipe("chapter", random_state=42)
    network.fit(train.images, train.labels, x_val=validation.images, y_val=validation.labels)
    return plots.curves(network).figure


def save(figure: Figure, path: Path) -> None:
    """Save a figure with a palette, which halves the file; nothing of it is seen."""
    Image.open(BytesIO(plots.png(figure, dpi=80))).convert("RGB").quantize(160).save(path, optimize=True)


if __name__ == "__main__":
    main()
