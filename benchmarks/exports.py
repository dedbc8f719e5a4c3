"""Size, speed and difference of every export of a run: python benchmarks/exports.py RUN.

For each format: bytes of the network, what its check found, the time to load it, and the time of one image alone and of
one of 256 (one thread where the runtime lets us choose).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import golmu
from golmu.cli.commands.export import export_run
from golmu.export.exporting import Exported

Answer = Callable[[np.ndarray], Any]

CASES = [("onnx", False), ("litert", False), ("litert", True), ("saved-model", False), ("keras", False)]
BATCH, ROUNDS = 256, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    predictor = golmu.load(run)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, *predictor.image_shape), np.uint8)
    print(f"| format | bytes | check | load, ms | one image, µs | one of {BATCH}, µs |\n|---|---:|---|---:|---:|---:|")
    print(
        f"| golmu | | | | {timed(predictor.logits, images[:1]):.0f} | {timed(predictor.logits, images) / BATCH:.1f} |"
    )
    with tempfile.TemporaryDirectory() as folder:
        for to, is_quantized in CASES:
            name = f"{to}{' int8' if is_quantized else ''}"
            exported = export_run(run, to, Path(folder) / name.replace(" ", "-"), is_quantized=is_quantized)
            start = time.perf_counter()
            answer, takes_batches = load(exported, to)
            answer(images[:1])
            seconds = time.perf_counter() - start
            many = f"{timed(answer, images) / BATCH:.1f}" if takes_batches else ""
            print(
                f"| {name} | {size(exported.network):,} | {checked(exported)} | {seconds * 1e3:.0f} | "
                f"{timed(answer, images[:1]):.0f} | {many} |"
            )


def load(exported: Exported, to: str) -> tuple[Answer, bool]:
    """Return what asks an exported network, and whether it takes several images."""
    path = str(exported.network)
    if to == "onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda images: session.run(None, {"pixels": images}), True
    if to == "litert":
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(path, num_threads=1).get_signature_runner()
        return lambda images: runner(pixels=images), False
    if to == "saved-model":
        import tensorflow as tf

        signature = tf.saved_model.load(path).signatures["serving_default"]
        return lambda images: signature(pixels=tf.constant(images))["probabilities"].numpy(), True
    from keras.saving import load_model

    network = load_model(path)
    return network.predict_on_batch, True


def timed(answer: Answer, images: np.ndarray) -> float:
    """Return the median microseconds of a call."""
    answer(images)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        answer(images)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return (
        path.stat().st_size if path.is_file() else sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    )


def checked(exported: Exported) -> str:
    """Return what the check of an export found."""
    assert exported.check is not None
    if exported.check.accuracy is not None:
        return f"accuracy {exported.check.accuracy:.4f} against {exported.check.own_accuracy:.4f}"
    return f"{exported.check.difference:.1e}"


if __name__ == "__main__":
    main()
