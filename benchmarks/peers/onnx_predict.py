"""ONNX Runtime: inference of the network on the CPU.

The command is `predict N`, the answer {"seconds": [..]} for N passes over all images. `float32` takes images already
scaled to 0..1; `uint8` takes them as stored and scales inside the graph.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from .serve import Answer, serve
from .setting import Data, Weights, channels_first_w1, initial_weights, parser, scaled

VARIANTS = ("float32", "uint8")


def build(weights: Weights, image_shape: tuple[int, ...], from_uint8: bool) -> onnx.ModelProto:
    """Write the network as an ONNX graph from `images` (n, h, w, c) to `logits` (n, C).

    ONNX convolves in NCHW. The rows of w1 are reordered here once, so that the maps need no transposition there.
    """
    tensors = {
        "kernel": np.ascontiguousarray(weights["conv_w"].transpose(3, 2, 0, 1)),
        "w1": channels_first_w1(weights, image_shape),
        **{name: weights[name] for name in ("conv_b", "b1", "w2", "b2")},
    }
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "kernel", "conv_b"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["maps"], ["active"]),
        helper.make_node("MaxPool", ["active"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w1", "b1"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "w2", "b2"], ["logits"]),
    ]
    if from_uint8:
        tensors["scale"] = np.float32(1 / 255)
        cast = helper.make_node("Cast", ["images"], ["float_images"], to=TensorProto.FLOAT)
        nodes = [cast, helper.make_node("Mul", ["float_images", "scale"], ["pixels"]), *nodes]
    else:
        nodes[0].input[0] = "images"
    element = TensorProto.UINT8 if from_uint8 else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "golmu",
        [helper.make_tensor_value_info("images", element, ["n", *image_shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(weights["b2"])])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Serve inference."""
    arguments = parser(__doc__, VARIANTS)
    arguments.add_argument("--weights", type=Path, help=".npz of canonical weights; without it, initial weights")
    arguments.add_argument("--images", type=int, default=10_000, help="predict that many validation images")
    args: argparse.Namespace = arguments.parse_args()

    data = Data.load(args.data)
    image_shape = data.x_val.shape[1:]
    if args.weights:
        with np.load(args.weights) as stored:
            weights: Weights = dict(stored)
    else:
        weights = initial_weights(image_shape, args.kernels, args.units, data.classes, args.seed)
    from_uint8 = args.variant == "uint8"
    images = data.x_val[: args.images] if from_uint8 else scaled(data.x_val[: args.images])
    labels = data.y_val[: args.images]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    model = build(weights, image_shape, from_uint8).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def predict() -> tuple[float, float]:
        start = time.perf_counter()
        logits = np.concatenate(
            [
                session.run(["logits"], {"images": images[i : i + args.batch_size]})[0]
                for i in range(0, len(images), args.batch_size)
            ]
        )
        seconds = time.perf_counter() - start
        return seconds, float(np.mean(logits.argmax(axis=1) == labels))

    def predictions(number: int) -> Answer:
        seconds, accuracy = zip(*(predict() for _ in range(number)), strict=True)
        return {"seconds": list(seconds), "accuracy": list(accuracy)}

    serve("predict", predictions)


if __name__ == "__main__":
    main()
