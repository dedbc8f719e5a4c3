"""Files as an attacker or a bad disk would make them, and the readers that must answer each with one clear error.

    python tests/fuzzing.py TARGET [OPTIONS OF LIBFUZZER]

runs one target under atheris, guided by the code's branches; `make fuzz` runs all. The test suite feeds the same
targets from hypothesis (`test_fuzz.py`).
"""

import gzip
import inspect
import io
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet
from PIL import Image

from golmu.architecture import Architecture
from golmu.data import loading
from golmu.data.loading import load_dataset, read_dataset
from golmu.data.readers import (
    csv_files,
    image_pixels,
    parquet_files,
    table_columns,
    table_files,
    table_images,
    table_labels,
    tables,
    zipped_images,
)
from golmu.data.readers import idx as idx_reader
from golmu.data.readers import image_files as images
from golmu.data.readers import npz as npz_reader
from golmu.data.readers.idx import read_idx
from golmu.data.readers.image_files import read_image, read_image_header
from golmu.data.reading import ReadOptions
from golmu.errors import GolmuError
from golmu.model import model
from golmu.model import sealed_file as tensorfile
from golmu.model.model import Model, load_model, save_model
from golmu.preprocessing import SCALING_ONLY
from golmu.recipe import Recipe
from golmu.runs import checkpoint
from golmu.runs.checkpoint import Checkpoint, RunIdentity, fingerprint, load_checkpoint, save_checkpoint
from golmu.training.history import History
from golmu.training.loop import Best, State

ROOM = Path(tempfile.mkdtemp(prefix="golmu-fuzz-"))


def idx(array, code=8):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()


def npz(pack=np.savez, **arrays):
    file = io.BytesIO()
    pack(file, **arrays)
    return file.getvalue()


def picture(form, mode="RGB", **options):
    file = io.BytesIO()
    Image.effect_noise((9, 7), 90).convert(mode).save(file, form, **options)
    return file.getvalue()


def tensors(save):
    architecture = Architecture(3, 2, 1, 1, 1, 2)
    weights = architecture.initial_weights(np.random.default_rng(0))
    path = ROOM / "seed"
    if save is save_model:
        save_model(path, Model(architecture, weights, np.arange(2), ("a", "b"), SCALING_ONLY, 3))
    else:
        print_of = fingerprint(np.zeros((4, 3, 2, 1), np.uint8), np.zeros(4, np.int64), None)
        setup = RunIdentity(
            Recipe(n_kernels=1, units=1, batch_size=4, learning_rate=0.1, epochs=3, patience=2),
            architecture,
            np.arange(2),
            ("a", "b"),
            print_of,
            "fused",
            2,
        )
        generator = np.random.default_rng(0).bit_generator.state
        state = State(
            weights, {"first": weights}, History([1.0]), generator, np.zeros(2, np.float32), 0.5, Best(1, 0.5, weights)
        )
        save_checkpoint(path, Checkpoint(setup, state))
    return path.read_bytes()


def parquet(**columns):
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def archive(*names, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as made:
        for name in names:
            made.writestr(name, picture("PNG"))
    return file.getvalue()


def quietly(path):
    """Without the warnings of `load_dataset`, which are right where there are few images."""
    return read_dataset(path, None, ReadOptions())


IMAGES, LABELS = np.arange(60, dtype=np.uint8).reshape(5, 4, 3), np.arange(5, dtype=np.uint8) % 2

# name of the target: how its files end, what reads one, and sound files to begin with
TARGETS = {
    "idx": ("", read_idx, [idx(IMAGES), idx(LABELS), idx(IMAGES.astype(">f4"), 0x0D)]),
    "gzip": (".gz", read_idx, [gzip.compress(idx(IMAGES), 6), gzip.compress(b"") + gzip.compress(idx(LABELS))]),
    "npz": (".npz", load_dataset, [
        npz(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2], y_test=LABELS[:2]),
        npz(np.savez_compressed, x=IMAGES, y=np.array(["ant", "bee"])[LABELS]),
    ]),
    "parquet": (".parquet", quietly, [
        parquet(label=LABELS, **{f"pixel{i}": IMAGES.reshape(5, -1)[:, i] for i in range(9)}),
        parquet(fine_label=LABELS, coarse_label=LABELS, image=[picture("PNG")] * 5),
        parquet(label=LABELS, image=IMAGES.tolist()), parquet(file_name=[f"{i}.png" for i in range(5)], label=LABELS),
        parquet(label=["ant", "bee", "ant", "bee", "bee"], image=[{"bytes": picture("PNG"), "path": None}] * 5),
    ]),
    "csv": (".csv", quietly, [
        b"label,a,b,c,d\n1,0,255,3,4\n0,0,1,2,3\n", b"3,0.5,0,1,0\n4,0,0,0,1\n", b'y;"a";b;c;d;\nx;0;0;0;0;\n',
        gzip.compress(b"label\tpixels\n1\t0 255 3 4\n0\t[0, 1, 2, 3]\n"), b"image,label\na.png,ant\nb.png,bee\n",
    ]),
    "zip": (".zip", quietly, [
        archive("a/1.png", "a/2.png", "b/1.png"),
        archive("train/a/1.png", "train/b/1.png", "test/b/1.png", compression=zipfile.ZIP_DEFLATED),
    ]),
    "image": (".png", lambda path: (read_image_header(path), read_image(path, (6, 5, 1))), [
        picture("PNG"), picture("PNG", "P"), picture("JPEG"), picture("BMP"), picture("GIF", "P"),
        picture("TIFF"), picture("WEBP", "RGBA", lossless=True), picture("TIFF", "F"), picture("TIFF", "I"),
    ]),
    "model": (".safetensors", load_model, [tensors(save_model)]),
    "checkpoint": (".safetensors", load_checkpoint, [tensors(save_checkpoint)]),
}  # fmt: skip


READERS = [
    checkpoint, csv_files, idx_reader, image_pixels, images, loading, model, npz_reader, parquet_files, table_columns,
    table_files, table_images, table_labels, tables, tensorfile, zipfile, zipped_images,
]  # fmt: skip
"""The modules whose branches guide atheris."""


def feed(target, content):
    """Reads `content` as a file of the target; whatever it is, nothing but a `GolmuError` may come of it."""
    suffix, read, _ = TARGETS[target]
    path = ROOM / f"{target}{suffix}"
    path.write_bytes(content)
    try:
        read(path)
    except GolmuError as error:
        if str(path) not in str(error):
            raise AssertionError("the error does not name the file") from error


def main():
    import atheris  # only `make fuzz` has it

    target = sys.argv[1]
    images.MAX_PIXELS = 10**6  # guided by branches, atheris else spends its time on the largest pictures
    seeds = ROOM / "seeds"
    seeds.mkdir()
    for number, content in enumerate(TARGETS[target][2]):
        (seeds / str(number)).write_bytes(content)
    for module in READERS:
        for value in list(vars(module).values()):
            if inspect.isfunction(value) and value.__module__ == module.__name__:
                atheris.instrument_func(value)
    atheris.RunIdentity([sys.argv[0], *sys.argv[2:], str(seeds)], lambda content: feed(target, content))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
