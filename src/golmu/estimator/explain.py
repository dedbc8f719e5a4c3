"""`golmu.explain`: one image followed through a fitted network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from golmu.analysis.explanation import Explanation, explain_image
from golmu.checks import one_of
from golmu.data.inputs import as_label_array, encode
from golmu.errors import InputTypeError
from golmu.estimator.network import ConvolutionNetwork, check_class_names
from golmu.model.predictor import Predictor


def explain(
    network: ConvolutionNetwork | Predictor,
    image: ArrayLike,
    target: Any = None,
    *,
    class_names: Sequence[str] | None = None,
    n_samples: int = 50,
    noise: float = 0.15,
    window: int | None = None,
    random_state: int = 0,
) -> Explanation:
    """Follow one image through a network, and find where in it the decision comes from.

    Parameters
    ----------
    network
        A network with weights, or a `golmu.Predictor`.
    image
        (h, w, c), (h, w), or flattened, or a batch of one; uint8, or floats in [0, 1].
    target
        The label whose logit and probability are explained, or for a predictor the class name; by default the
        predicted one.
    class_names
        What people call the classes, in the order of `classes_`; by default `class_names_`.
    n_samples, noise
        Noisy copies of the image for SmoothGrad, and the standard deviation of the noise as a share of the range of
        the image's pixels.
    window
        Side of the occluding square, in pixels; by default a quarter of the shorter side of the image.
    random_state
        Seed of the noise.

    Returns
    -------
    Explanation
        Arrays, whose shapes are stated there.

    Raises
    ------
    NotFittedError
        If the network has no weights yet.
    InputError, InputTypeError
        If an argument cannot be used.

    Notes
    -----
    `saliency` is the map of Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013, section 3.1:
    the magnitude of the gradient of the class's logit, its maximum over the channels. `smoothgrad` is that of the mean
    gradient over noisy copies: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, section 3.
    `occlusion` is Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2: a
    square of pixels that are zero to the network (black, or the mean pixel where it standardizes) hides a part of the
    image, and the probability of the class falls. `grad_cam` is Selvaraju et al., "Grad-CAM: Visual Explanations from
    Deep Networks via Gradient-based Localization", 2017, equations 1 and 2, for the last block's activations before
    pooling. A network with `test_flip` answers with the mean logits of the image and its mirror image: the first three
    maps are of that mean, `grad_cam` is the mean of the two views' maps, and the layers are those of the image as it
    is.

    Examples
    --------
    >>> import golmu
    >>> digits = golmu.load_dataset("digits").train
    >>> network = golmu.ConvolutionNetwork.from_recipe("quick", epochs=5, random_state=0)
    >>> found = golmu.explain(network.fit(digits.images, digits.labels), digits.images[0])
    >>> found
    <Explanation: an image of 8x8x1 as '5', 10 kernels, 100 units, 10 classes>
    >>> found.saliency.shape, found.pooled.shape
    ((8, 8), (4, 4, 10))
    """
    if not isinstance(network, ConvolutionNetwork | Predictor):
        raise InputTypeError(f"network must be a ConvolutionNetwork or a Predictor, got {type(network).__name__}")
    predictor = network if isinstance(network, Predictor) else network.predictor_
    index = None
    if target is not None and isinstance(network, Predictor):
        index = predictor.class_names.index(one_of(target, predictor.class_names, "target"))
    elif target is not None:
        labels = predictor.model.classes
        index = int(encode(as_label_array([target], 1, argument="target"), labels, argument="target")[0])
    return explain_image(
        predictor, image, index, class_names=check_class_names(class_names, predictor.class_names),
        n_samples=n_samples, noise=noise, window=window, random_state=random_state,
    )  # fmt: skip
