"""One image followed through a network, layer by layer, and where in the image its decision comes from, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golmu.analysis.grad_cam import grad_cam
from golmu.architecture import POOL_SIZE
from golmu.checks import integer_within, number_within, positive_integer
from golmu.data import inputs
from golmu.engines.contract import Engine
from golmu.errors import InputError
from golmu.metrics import softmax
from golmu.model.predictor import Predictor
from golmu.names import join_words
from golmu.preprocessing import PIXEL_SCALE

MAX_UNITS = 8
"""Hidden units that an explanation shows, at most."""

MAX_WINDOW_PLACES = 32
"""Positions of the occluding window along an axis, at most: on larger images it moves by more than a pixel."""

MAX_MAP_VALUES = 2**22
"""Values of the feature maps of the noisy copies that are looked at together, at most; one copy may have more. On the
way back to the pixels the fused engine holds six arrays of so many float32: 130 MB with the copies."""

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ExplainedBlock:
    """What one block of convolution and pooling, with K kernels, makes of its input (h, w, c)."""

    kernels: Array
    """(3, 3, c, K)"""
    maps: Array
    """(h, w, K): what the convolution and its bias give, before ReLU."""
    activations: Array
    """(h, w, K): after ReLU."""
    pooled: Array
    """(⌊h/2⌋, ⌊w/2⌋, K): after 2×2 max pooling, the input of the next block."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """An image on its way through a network: (h, w, c), U units, C classes.

    `kernels`, `maps`, `activations` and `pooled` are those of the first block, often the only one; `blocks` has all.
    """

    class_names: tuple[str, ...]
    """C names."""
    target: int
    """The class that is explained: index of the predicted one, unless another was asked for."""
    image: Array
    """(h, w, c): pixels, uint8 ones brought to [0, 1]."""
    blocks: tuple[ExplainedBlock, ...]
    """What each block makes of the image, from the first to the last."""
    hidden: Array
    """(U,): the hidden layer after its ReLU."""
    units: NDArray[np.int64]
    """(m,): the hidden units with the largest activations, the largest first; none that is 0."""
    unit_inputs: Array
    """(m, h', w'): what each place of the last block's pooled maps (h', w', K) adds to these units: Σ over kernels of
    pooled · w1. With one block h' = ⌊h/2⌋ and w' = ⌊w/2⌋."""
    unit_outputs: Array
    """(m, C): what each of these units adds to the logits: its activation times its weights w2."""
    logits: Array
    """(C,)"""
    probabilities: Array
    """(C,): softmax of the logits."""
    gradient: Array
    """(h, w, c): of the target's logit with respect to the image's pixels."""
    saliency: Array
    """(h, w): the largest magnitude of `gradient` over the channels."""
    smoothgrad: Array
    """(h, w): the same of the mean gradient over noisy copies of the image."""
    grad_cam: Array
    """(h', w'), the size of the last block's maps: their sum after ReLU, each weighted by the mean gradient of the
    target's logit with respect to it, where that is above 0. With one block it has the size of the image."""
    occlusion: Array
    """(h, w): by how much the target's probability falls where a window hides the image around a pixel."""

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.image.shape))
        kernels = join_words([str(block.kernels.shape[3]) for block in self.blocks])
        return (
            f"<Explanation: an image of {shape} as {self.class_names[self.target]!r}, {kernels} kernels, "
            f"{len(self.hidden)} units, {len(self.class_names)} classes>"
        )

    @property
    def kernels(self) -> Array:
        """The first block's kernels, (3, 3, c, K)."""
        return self.blocks[0].kernels

    @property
    def maps(self) -> Array:
        """The first block's maps (h, w, K), before ReLU."""
        return self.blocks[0].maps

    @property
    def activations(self) -> Array:
        """The first block's maps (h, w, K), after ReLU."""
        return self.blocks[0].activations

    @property
    def pooled(self) -> Array:
        """The first block's pooled maps, (⌊h/2⌋, ⌊w/2⌋, K)."""
        return self.blocks[0].pooled

    @property
    def prediction(self) -> int:
        """Index of the most probable class."""
        return int(self.probabilities.argmax())


def one_image(image: ArrayLike, shape: tuple[int, int, int], *, argument: str = "image") -> Array:
    """Return the image as float32 (h, w, c), uint8 pixels scaled to [0, 1].

    Raises
    ------
    InputError, InputTypeError
        If it is not one image of `shape`.
    """
    array: Any = image if image is None or hasattr(image, "toarray") else np.asarray(image)  # refused below
    if getattr(array, "shape", None) in (shape, shape[:2], (prod(shape),)) and array.size == prod(shape):
        array = array.reshape(1, *shape)
    images = inputs.as_images(array, shape, argument=argument)
    if len(images) != 1:
        raise InputError(f"{argument} must be one image, got {len(images)}: pass one of them")
    scale = PIXEL_SCALE if images.dtype == np.uint8 else np.float32(1)
    pixels: Array = images[0].astype(np.float32) * scale
    return pixels


def explain_image(
    predictor: Predictor,
    image: ArrayLike,
    target: int | None = None,
    *,
    class_names: tuple[str, ...] | None = None,
    n_samples: int = 50,
    noise: float = 0.15,
    window: int | None = None,
    random_state: int = 0,
) -> Explanation:
    """Follow one image through a network, and find where in it the decision comes from.

    Parameters
    ----------
    predictor
        The network.
    image
        (h, w, c), (h, w), or flattened, or a batch of one; uint8, or floats in [0, 1].
    target
        Index of the class to explain; by default the predicted one.
    class_names
        What people call the classes; by default as the predictor does.
    n_samples, noise, window, random_state
        As for `golmu.explain`.

    Returns
    -------
    Explanation
        Arrays, whose shapes are stated there. Their sources are those of `golmu.explain`.

    Raises
    ------
    InputError, InputTypeError
        If an argument cannot be used, or float32 cannot hold what the network makes of the image.
    """
    engine = predictor.engine
    pixels = one_image(image, engine.architecture.image_shape)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is reported below
        explained = _explain(
            engine, predictor.class_names if class_names is None else class_names, pixels, target,
            n_samples=n_samples, noise=noise, window=window, random_state=random_state,
        )  # fmt: skip
    values = [value for part in (explained, *explained.blocks) for value in vars(part).values()]
    if not all(np.isfinite(value).all() for value in values if isinstance(value, np.ndarray)):
        raise InputError(
            f"{predictor.name} cannot be explained for this image: float32 cannot hold its activations or gradients. "
            "Its weights are too large, after a training that diverged: train it with a lower learning rate"
        )
    return explained


def _explain(
    engine: Engine, class_names: tuple[str, ...], image: Array, target: int | None, *,
    n_samples: int, noise: float, window: int | None, random_state: int,
) -> Explanation:  # fmt: skip
    positive_integer(n_samples, "n_samples")
    number_within(noise, "noise", 0, None)
    integer_within(random_state, "random_state", 0, None)
    a, weights = engine.architecture, engine.get_weights()
    side = max(1, min(a.height, a.width) // 4) if window is None else positive_integer(window, "window")
    logits = engine.logits(image[None])
    probabilities = softmax(logits)[0]
    target = int(probabilities.argmax()) if target is None else target

    blocks = tuple(_explain_block(engine, image, number) for number in range(a.n_blocks))
    pooled = blocks[-1].pooled
    hidden = np.maximum(pooled.reshape(-1) @ weights["w1"] + weights["b1"], 0)
    strongest = np.argsort(-hidden, kind="stable")[:MAX_UNITS]
    units = strongest[hidden[strongest] > 0]
    w1 = weights["w1"].reshape(*pooled.shape, a.units)[..., units]

    gradient = logit_gradient(engine, image[None], target)[0]
    spread = noise * float(np.ptp(image))
    rng, smooth = np.random.default_rng(random_state), np.zeros_like(image)
    together = max(1, MAX_MAP_VALUES // sum(block.maps.size for block in blocks))
    for start in range(0, n_samples, together):
        noises = rng.normal(0, spread, (min(together, n_samples - start), *image.shape))
        smooth += logit_gradient(engine, image + noises.astype(np.float32), target).sum(axis=0)
    smooth /= n_samples
    return Explanation(
        class_names=class_names,
        target=target,
        image=image,
        blocks=blocks,
        hidden=hidden,
        units=units,
        unit_inputs=np.einsum("ijk,ijkm->mij", pooled, w1),
        unit_outputs=hidden[units, None] * weights["w2"][units],
        logits=logits[0],
        probabilities=probabilities,
        gradient=gradient,
        saliency=np.abs(gradient).max(axis=-1),
        smoothgrad=np.abs(smooth).max(axis=-1),
        grad_cam=grad_cam(engine, image, target),
        occlusion=_occlusion(engine, image, target, float(probabilities[target]), side),
    )


def _explain_block(engine: Engine, image: Array, number: int) -> ExplainedBlock:
    """Follow an image through the block with this number, counted from 0."""
    block = engine.architecture.blocks[number]
    maps = engine.feature_maps(image[None], number)[0]
    activations = np.maximum(maps, 0)
    rows, columns, n_kernels = block.pooled_shape
    windows = activations[: POOL_SIZE * rows, : POOL_SIZE * columns]
    pooled = windows.reshape(rows, POOL_SIZE, columns, POOL_SIZE, n_kernels).max(axis=(1, 3))
    return ExplainedBlock(engine.get_weights()[block.names[0]], maps, activations, pooled)


def logit_gradient(engine: Engine, images: Array, target: int) -> Array:
    """Return the gradient (n, h, w, c) of the logit of class `target` with respect to pixels in [0, 1]."""
    rows = np.zeros((len(images), engine.architecture.n_classes), np.float32)
    rows[:, target] = 1
    gradient = engine.input_gradient(images, rows)
    if engine.preprocessing.test_flip:
        mirrored = np.ascontiguousarray(images[:, :, ::-1])
        gradient = np.float32(0.5) * (gradient + engine.input_gradient(mirrored, rows)[:, :, ::-1])
    scale, _ = engine.preprocessing.factors(np.float32, engine.architecture.channels)
    return gradient * scale


def _occlusion(engine: Engine, image: Array, target: int, probability: float, side: int) -> Array:
    """Return by how much the target's probability falls where a window of `side` pixels hides each pixel, (h, w).

    On larger images, the window moves by more than a pixel, and a small square of pixels has one value.
    """
    height, width, channels = image.shape
    step = max(1, -(-max(height, width) // MAX_WINDOW_PLACES))
    rows, columns = np.arange(0, height, step), np.arange(0, width, step)
    black = np.array(engine.preprocessing.mean or [0.0] * channels, np.float32)  # to the network
    falls = np.empty((len(rows), len(columns)), np.float32)
    for i, row in enumerate(rows):  # a row of places at a time: all at once would be a thousand images
        copies = np.repeat(image[None], len(columns), axis=0)
        top = max(0, row - side // 2)
        for j, column in enumerate(columns):
            left = max(0, column - side // 2)
            copies[j, top : row - side // 2 + side, left : column - side // 2 + side] = black
        falls[i] = probability - softmax(engine.logits(copies))[:, target]
    whole: Array = np.repeat(np.repeat(falls, step, axis=0), step, axis=1)[:height, :width]
    return whole
