"""Draws docs/images/explanation.png, an image on its way through the network: python docs/draw_explanation.py."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from golmu import ConvolutionNetwork, explain, load_dataset, plots

PATH = Path(__file__).parent / "images" / "explanation.png"

NUMBER = 46
"""Of the validation image."""


def main() -> None:
    dataset = load_dataset("fashion-mnist")
    train, validation = dataset.split()
    network = ConvolutionNetwork.from_recipe("best", epochs=12, random_state=42).fit(train.images, train.labels)
    found = explain(network, validation.images[NUMBER], class_names=dataset.class_names)
    figure = plots.explanation(found, f"validation image {NUMBER}", int(validation.labels[NUMBER]))
    # A palette halves the file, and nothing of it is seen.
    Image.open(BytesIO(plots.png(figure, dpi=80))).convert("RGB").quantize(160).save(PATH, optimize=True)


if __name__ == "__main__":
    main()
