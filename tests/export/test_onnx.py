"""ONNX files: what old runtimes read, and no more nodes than there are steps."""

import json

import numpy as np
import onnx
import pytest
from drawn_network import drawn_network

import golmu
from golmu.errors import SaveError
from golmu.export import onnx as export
from golmu.export.onnx import make_onnx


def test_the_versions_are_those_that_old_runtimes_read():
    made = make_onnx(drawn_network().model)
    assert made.ir_version == 8
    assert [(one.domain, one.version) for one in made.opset_import] == [("", 17)]


def test_there_is_one_node_for_each_step():
    kinds = [node.op_type for node in make_onnx(drawn_network().model).graph.node]
    assert kinds == [
        "Cast", "Transpose", "Mul", "Add", "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Relu", "Gemm", "Softmax",
    ]  # fmt: skip
    deep = [node.op_type for node in make_onnx(drawn_network(n_kernels=(2, 3), standardize=False).model).graph.node]
    assert deep.count("Conv") == 2
    assert "Add" not in deep
    assert deep.count("Transpose") == 1


def test_the_shapes_leave_the_number_of_images_free():
    graph = make_onnx(drawn_network((9, 8, 3)).model).graph
    (taken,), (given,) = graph.input, graph.output
    sides = [[side.dim_value or side.dim_param for side in one.type.tensor_type.shape.dim] for one in (taken, given)]
    assert sides == [["n", 9, 8, 3], ["n", 3]]
    assert (taken.name, taken.type.tensor_type.elem_type) == ("pixels", onnx.TensorProto.UINT8)
    assert (given.name, given.type.tensor_type.elem_type) == ("probabilities", onnx.TensorProto.FLOAT)


def test_names_and_preprocessing_are_in_the_metadata(tmp_path):
    import onnxruntime

    predictor = drawn_network(names=("골무", "</script>"), ground="dark")
    exported = golmu.export(predictor, tmp_path / "e", to="onnx")
    said = onnxruntime.InferenceSession(exported.network).get_modelmeta().custom_metadata_map
    assert json.loads(said["class_names"]) == ["골무", "</script>"]
    assert json.loads(said["image_files"]) == exported.description["image_files"]
    assert json.loads(said["preprocessing"]) == exported.description["preprocessing"]


def test_onnxs_own_interpreter_answers_alike():
    from onnx.reference import ReferenceEvaluator

    predictor = drawn_network(n_kernels=(3, 4), test_flip=True)
    images = np.random.default_rng(0).integers(0, 256, (3, *predictor.image_shape), np.uint8)
    (answers,) = ReferenceEvaluator(make_onnx(predictor.model)).run(None, {"pixels": images})
    assert answers == pytest.approx(predictor.probabilities(images), abs=1e-5)


def test_a_network_that_is_too_large_for_a_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MAX_BYTES", 1000)
    with pytest.raises(SaveError, match=r"^drawn has 1,\d+ parameters, and an ONNX file holds at most 250: export it"):
        golmu.export(drawn_network(units=24), tmp_path / "e", to="onnx")
