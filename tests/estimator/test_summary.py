"""How a network shows itself, in a terminal and in a notebook."""

import re
from xml.etree import ElementTree

import pytest
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from small_network import X, Y, network, ready

from golmu import ConvolutionNetwork, NotFittedError
from golmu.architecture import Architecture

CHAPTER = """\
layer                  output        parameters
image                  28 × 28 × 1            0
convolution 3×3, ReLU  28 × 28 × 10         100
max pooling 2×2        14 × 14 × 10           0
flatten                1960                   0
dense, ReLU            100              196,100
dense, softmax         10                 1,010
total                                   197,210
"""


def test_the_summary_is_a_table_of_layers(capsys):
    made = ConvolutionNetwork(10, 100)
    made.init_weights((28, 28, 1), 10)
    assert made.summary() is None
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == CHAPTER.splitlines()


def test_each_block_has_its_rows_in_the_table():
    made = ConvolutionNetwork((16, 32, 64), 100)
    made.init_weights((32, 32, 3), 10)
    page = ElementTree.fromstring(made._repr_html_().replace("<br>", "<br/>"))
    rows = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert rows[2:8] == [
        ["convolution 3×3, ReLU", "32 × 32 × 16", "448"], ["max pooling 2×2", "16 × 16 × 16", "0"],
        ["convolution 3×3, ReLU", "16 × 16 × 32", "4,640"], ["max pooling 2×2", "8 × 8 × 32", "0"],
        ["convolution 3×3, ReLU", "8 × 8 × 64", "18,496"], ["max pooling 2×2", "4 × 4 × 64", "0"],
    ]  # fmt: skip
    assert "n_kernels=(16, 32, 64)" in "".join(page.itertext())


@pytest.mark.parametrize("shape", [(28, 28, 1, 10, 100, 10), (9, 7, 3, 4, 6, 3), (9, 8, 3, (4, 5), 6, 3)])
def test_the_layers_have_all_parameters(shape):
    architecture = Architecture(*shape)
    assert sum(layer.n_parameters for layer in architecture.layers) == architecture.n_parameters


def test_a_summary_needs_weights():
    with pytest.raises(NotFittedError, match="this ConvolutionNetwork has no weights yet: call fit, or init_weights"):
        network().summary()


def test_a_fitted_network_is_a_table_with_its_curves():
    fitted = network().fit(X, Y, 3, X, Y)
    page = ElementTree.fromstring(fitted._repr_html_().replace("<br>", "<br/>"))
    rows = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert rows[0] == ["layer", "output", "parameters"]
    assert rows[1] == ["image", "7 × 6 × 2", "0"]
    assert rows[-1] == ["total", "", f"{fitted.architecture_.n_parameters:,}"]
    text = "".join(page.itertext())
    assert f"trained for 3 epochs, validation accuracy {fitted.history_.val_accuracies[-1]:.4f}, engine" in text
    words = [element.text.strip() for element in page.iter() if element.tag.endswith("text")]
    assert {"training", "validation", "epoch"} <= set(words)


def test_the_accuracy_is_that_of_the_weights():
    fitted = network().fit(X, Y, 3, X, Y)
    fitted.best_epoch_, accuracies = 2, fitted.history_.val_accuracies
    accuracies[:] = [0.5, 0.75, 0.25]
    assert (
        "trained for 3 epochs, with the weights of epoch 2, validation accuracy 0.7500, engine" in fitted._repr_html_()
    )
    fitted.best_epoch_ = 3
    fitted.partial_fit(X, Y)
    assert "trained for 4 epochs, engine" in fitted._repr_html_()
    fitted = network(warm_start=True).fit(X, Y, 1).fit(X, Y, 1, X, Y)
    assert f"2 epochs, validation accuracy {fitted.history_.val_accuracies[1]:.4f}, engine" in fitted._repr_html_()


def test_one_that_was_not_trained_has_no_curves():
    page = ready()._repr_html_()
    assert "not trained by fit" in page
    assert "<svg" not in page


def test_jupyter_gets_it_unless_scikit_learn_is_told_not_to():
    fitted = network().fit(X, Y, 1)
    assert fitted._repr_mimebundle_() == {"text/plain": repr(fitted), "text/html": fitted._repr_html_()}
    with config_context(display="text"):
        assert fitted._repr_mimebundle_() == {"text/plain": repr(fitted)}


def test_without_weights_it_is_scikit_learns_diagram():
    assert "sk-" in network()._repr_html_()
    assert "sk-" in network()._repr_mimebundle_()["text/html"]


def test_it_has_its_place_in_the_diagram_of_a_pipeline():
    assert "ConvolutionNetwork" in make_pipeline(network().fit(X, Y, 1))._repr_html_()


def test_what_a_parameter_shows_is_escaped():
    class Odd(str):
        def __repr__(self):
            return "<script>"

    made = ready()
    made.engine = Odd("auto")
    assert re.search(r"<script>", made._repr_html_()) is None
    assert "&lt;script&gt;" in made._repr_html_()
