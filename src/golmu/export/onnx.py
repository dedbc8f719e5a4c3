"""A network as an ONNX file, node by node: no framework writes it, and any ONNX runtime reads it.

ONNX convolves channels first. The pixels are transposed once, and the rows of `w1` are put in the order of such maps
when the file is written, so that nothing is transposed between the layers.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.about import VERSION
from golmu.errors import EngineError, SaveError
from golmu.export.description import describe_image_files
from golmu.export.written import MAX_BYTES, Written, pixels_tensor, probabilities_tensor
from golmu.model.model import Model, describe_preprocessing
from golmu.model.predictor import Predictor

NETWORK = "network.onnx"

INSTALL_COMMAND = 'pip install "golmu[onnx]"'

OPSET = 17
"""The set of operators: all that is used here is in it, and runtimes have read it since 2022."""

IR_VERSION = 8
"""The version of the file's form that goes with it. The package's default is newer than many runtimes read."""

PACKAGES = ("onnx", "onnxruntime")


def write_onnx(predictor: Predictor, folder: Path) -> Written:
    """Write a network as `network.onnx`, and load it with ONNX Runtime.

    Raises
    ------
    EngineError
        If onnx or onnxruntime is not installed.
    SaveError
        If the network is too large for the format.
    """
    onnx, onnxruntime = (_import(name) for name in PACKAGES)
    architecture = predictor.model.architecture
    if architecture.n_parameters * 4 > MAX_BYTES:
        raise SaveError(
            f"{predictor.name} has {architecture.n_parameters:,} parameters, and an ONNX file holds at most "
            f"{MAX_BYTES // 4:,}: export it to another format"
        )
    model = make_onnx(predictor.model)
    onnx.checker.check_model(model, full_check=True)
    path = folder / NETWORK
    path.write_bytes(model.SerializeToString())
    # From the bytes of the file: an open file could not be moved on Windows.
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(session.run(["probabilities"], {"pixels": images})[0], np.float32)

    return Written(
        NETWORK, pixels_tensor("uint8", (None, *architecture.image_shape)),
        probabilities_tensor(None, architecture.n_classes), PACKAGES, answer,
        (f"ONNX opset {OPSET}, ir_version {IR_VERSION}; class names and preprocessing are in its metadata too",),
    )  # fmt: skip


def make_onnx(model: Model) -> Any:
    """Make an `onnx.ModelProto` that gives `probabilities` (n, C) of `pixels`, uint8 (n, h, w, c)."""
    from onnx import TensorProto, helper  # noqa: PLC0415

    a = model.architecture
    graph = _Graph()
    x = graph.add("Cast", ["pixels"], "floats", to=TensorProto.FLOAT)
    x = graph.add("Transpose", [x], "channels_first", perm=[0, 3, 1, 2])
    scale, offset = model.preprocessing.factors(np.uint8, a.channels)
    x = graph.add("Mul", [x, graph.hold("scale", scale.reshape(1, -1, 1, 1))], "scaled")
    if model.preprocessing.mean:
        x = graph.add("Add", [x, graph.hold("offset", offset.reshape(1, -1, 1, 1))], "standardized")
    _hold_weights(graph, model)
    logits = _add_layers(graph, model, x, "")
    if model.preprocessing.test_flip:
        ends = {"starts": [-1], "ends": [np.iinfo(np.int64).min], "axes": [3], "steps": [-1]}
        places = [graph.hold(name, np.array(value, np.int64)) for name, value in ends.items()]
        mirrored = _add_layers(graph, model, graph.add("Slice", [x, *places], "mirrored"), "mirrored_")
        total = graph.add("Add", [logits, mirrored], "sum_of_logits")
        logits = graph.add("Mul", [total, graph.hold("half", np.float32(0.5))], "mean_of_logits")
    graph.add("Softmax", [logits], "probabilities", axis=1)
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "golmu",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", *a.image_shape])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", a.n_classes])],
            graph.tensors,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="golmu",
        producer_version=VERSION,
    )
    helper.set_model_props(
        made,
        {
            "class_names": json.dumps(model.class_names),
            "preprocessing": json.dumps(describe_preprocessing(model.preprocessing)),
            "image_files": json.dumps(describe_image_files(model)),
        },
    )
    return made


class _Graph:
    """The nodes of a graph in their order, and the tensors that it holds."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper  # noqa: PLC0415

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def hold(self, name: str, value: Any) -> str:
        """Hold a tensor and return its name."""
        from onnx import numpy_helper  # noqa: PLC0415

        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


def _hold_weights(graph: _Graph, model: Model) -> None:
    a, weights = model.architecture, model.weights
    for block in a.blocks:
        kernels, bias = block.names
        graph.hold(kernels, weights[kernels].transpose(3, 2, 0, 1))
        graph.hold(bias, weights[bias])
    rows = weights["w1"].reshape(*a.pooled_shape, a.units)
    graph.hold("w1", rows.transpose(2, 0, 1, 3).reshape(-1, a.units))
    for name in ("b1", "w2", "b2"):
        graph.hold(name, weights[name])


def _add_layers(graph: _Graph, model: Model, x: str, prefix: str) -> str:
    """Add the layers from the first convolution to the logits, and return the name of these."""
    for i, block in enumerate(model.architecture.blocks, start=1):
        maps = graph.add("Conv", [x, *block.names], f"{prefix}maps{i}", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        active = graph.add("Relu", [maps], f"{prefix}active{i}")
        x = graph.add("MaxPool", [active], f"{prefix}pooled{i}", kernel_shape=[2, 2], strides=[2, 2])
    flat = graph.add("Flatten", [x], f"{prefix}flat")
    hidden = graph.add("Relu", [graph.add("Gemm", [flat, "w1", "b1"], f"{prefix}dense")], f"{prefix}hidden")
    return graph.add("Gemm", [hidden, "w2", "b2"], f"{prefix}logits")


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise EngineError(f"the export to ONNX needs {name}, which is not installed: {INSTALL_COMMAND}") from error
