"""LiteRT files: one image at a time, with weights in them."""

import numpy as np
import pytest
from drawn_network import drawn_network

import golmu
from golmu.errors import SaveError
from golmu.export import litert
from golmu.export.litert import choose_calibration


def test_it_holds_the_weights_and_takes_one_image(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    predictor = drawn_network()
    path = golmu.export(predictor, tmp_path / "e", to="litert").network
    assert path.stat().st_size > 4 * predictor.model.architecture.n_parameters
    network = Interpreter(str(path))
    assert network.get_signature_list() == {"serving_default": {"inputs": ["pixels"], "outputs": ["probabilities"]}}
    network.allocate_tensors()
    (taken,), (given,) = network.get_input_details(), network.get_output_details()
    assert (taken["shape"].tolist(), taken["dtype"]) == ([1, 9, 8, 1], np.uint8)
    assert (given["shape"].tolist(), given["dtype"]) == ([1, 3], np.float32)


def test_the_images_of_a_calibration_are_a_few_of_all():
    images = np.arange(600, dtype=np.int64).reshape(600, 1, 1, 1)
    chosen = choose_calibration(images).ravel()
    assert len(set(chosen.tolist())) == 500
    assert (np.diff(chosen) > 0).all()
    assert choose_calibration(images[:7]).ravel().tolist() == list(range(7))


def test_a_network_that_is_too_large_for_a_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(litert, "MAX_BYTES", 1000)
    with pytest.raises(
        SaveError, match=r"^drawn has \d+ parameters, and a LiteRT file holds at most 250: export it to"
    ):
        golmu.export(drawn_network(), tmp_path / "e", to="litert")
