"""Trains a network on your own photos: python examples/own_photos.py [FOLDER [EPOCHS]].

FOLDER holds a folder of image files for each class: FOLDER/cat/*.jpg, FOLDER/dog/*.jpg. Without it, the script draws
circles, squares and triangles into a folder of its own.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import golmu
from golmu import ConvolutionNetwork


def draw_shapes(folder: Path) -> None:
    """Draw 40 images of each of three shapes."""
    rng = np.random.default_rng(0)
    for shape, sides in {"circle": 60, "square": 4, "triangle": 3}.items():
        (folder / shape).mkdir(parents=True)
        for number in range(40):
            image = Image.new("RGB", (64, 64), "white")
            x, y, radius = map(int, rng.integers((24, 24, 12), (40, 40, 22)))
            colour = tuple(map(int, rng.integers(0, 200, 3)))
            ImageDraw.Draw(image).regular_polygon((x, y, radius), sides, int(rng.integers(360)), fill=colour)
            image.save(folder / shape / f"{number}.png")


def main(folder: str, epochs: int = 20) -> None:
    dataset = golmu.load_dataset(folder, size=32)
    train, validation = dataset.split()
    print(f"{len(train)} images to train on, {len(validation)} to validate: {', '.join(dataset.class_names)}")
    recipe = "color" if train.images.shape[3] == 3 else "any"  # as `golmu train` chooses
    network = ConvolutionNetwork.from_recipe(recipe, epochs=epochs, batch_size=16, random_state=0)
    network.fit(train.images, train.labels, x_val=validation.images, y_val=validation.labels)
    print(f"accuracy {network.score(validation.images, validation.labels):.2f}")

    with tempfile.TemporaryDirectory() as place:
        network.save(f"{place}/photos.safetensors", class_names=dataset.class_names)
        predictor = golmu.load(f"{place}/photos.safetensors")
        for file in (validation.files or ())[:3]:
            answer = predictor.predict(Path(folder) / file)
            print(f"{file}: {answer.label}, {answer.probability:.2f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1], *map(int, sys.argv[2:]))
    else:
        with tempfile.TemporaryDirectory() as own:
            draw_shapes(Path(own) / "shapes")
            main(f"{own}/shapes")
