"""The JavaScript of a page: it computes what the engine computes, and reads files as `golmu predict` does."""

from base64 import b64encode
from io import BytesIO

import numpy as np
import pytest
from browser import needs_browser, opened
from drawn_at_random import NETWORKS, image_file, model_of, predictor_of
from PIL import Image, ImageCms

from golmu.data.readers.image_files import Opened, read_image
from golmu.data.readers.image_pixels import fit
from golmu.data.readers.inversion import Inversion
from golmu.export.packing import describe_network, quantize
from golmu.export.page import export_page
from golmu.metrics import softmax
from golmu.model.predictor import Predictor

pytestmark = needs_browser

N = 200

PREDICT = """([network, images, size]) => {
  const bytes = new Uint8ClampedArray(decodeBase64(images)), made = new Network(network);
  return Array.from({ length: bytes.length / size }, (_, i) => {
    const { probabilities, maps } = made.predict(bytes.subarray(i * size, (i + 1) * size));
    return [Array.from(probabilities), maps.map((one) => one.reduce((sum, value) => sum + value, 0))];
  });
}"""

FIT = """([pixels, height, width, channels, newHeight, newWidth]) => {
  const image = { pixels: new Uint8ClampedArray(decodeBase64(pixels)), height, width, channels };
  return Array.from(fitImage(image, newHeight, newWidth).pixels);
}"""

READ = """async ([content, options, channels]) => {
  const image = await readImageFile(new File([decodeBase64(content)], "name"), channels);
  const { fitted, isInverted } = fitAndInvert(image, options);
  return [Array.from(fitted.pixels), isInverted];
}"""


def as_text(array):
    return b64encode(array.tobytes()).decode()


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """A page whose functions can be called."""
    with opened(export_page(predictor_of((8, 8, 1), 2), tmp_path_factory.mktemp("scripts"))) as (page, events):
        yield page
        assert events == []


@pytest.mark.parametrize("kind", ["float16", "int8"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_answers_are_the_engines(scripts, name, kind):
    shape, kernels, options = NETWORKS[name]
    model = model_of(shape, kernels, **options)
    images = np.random.default_rng(0).integers(0, 256, (N, *shape), np.uint8)
    images[::7] = 0
    found = scripts.evaluate(PREDICT, [describe_network(model, kind), as_text(images), images[0].size])
    for value in model.weights.values():
        if value.ndim > 1:
            values, scale = quantize(value, kind)
            value[...] = values * scale
    engine = Predictor.of(model, engine="fused").engine
    expected = softmax(engine.logits(images))
    assert np.abs(np.array([one[0] for one in found]) - expected).max() < 1e-5
    for block in range(model.architecture.n_blocks):
        maps = engine.feature_maps(images[:20], block).clip(0)
        assert np.allclose([one[1][block] for one in found[:20]], maps.sum(axis=(1, 2, 3)), rtol=1e-4, atol=1e-5)


SIZES = [
    ((30, 40), (28, 28)), ((7, 9), (28, 28)), ((28, 28), (28, 28)), ((1, 50), (8, 8)), ((50, 1), (9, 40)),
    ((3, 3), (33, 17)), ((97, 61), (5, 5)), ((200, 301), (28, 20)), ((5, 10), (4, 4)), ((90, 20), (28, 28)),
    ((2, 2), (128, 3)),
]  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_fitted_as_the_command_does_it_to_the_bit(scripts, channels):
    rng = np.random.default_rng(channels)
    for (height, width), size in SIZES:
        pixels = rng.integers(0, 256, (height, width, channels), np.uint8)
        pixels[rng.random(pixels.shape[:2]) < 0.4] = rng.integers(0, 2) * 255  # overshoots are clipped
        found = scripts.evaluate(FIT, [as_text(pixels), height, width, channels, *size])
        expected = fit(Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels), size[1], size[0])
        assert np.array_equal(found, expected.ravel()), ((height, width), size)


def files():
    """The content of image files by name."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 31, 4), np.uint8)
    ink = np.zeros((20, 20, 4), np.uint8)  # black ink on a clear layer
    ink[5:15, 8:12, 3] = 255
    clear = pixels.copy()
    clear[..., 3] = np.where(rng.random((40, 31)) < 0.5, 0, 255)
    paper = np.full((30, 20), 250, np.uint8)
    paper[8:22, 6:14] = 20
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "grey": image_file("PNG", Image.fromarray(pixels[..., 0])),
        "colours": image_file("PNG", Image.fromarray(pixels[..., :3])),
        "clear": image_file("PNG", Image.fromarray(clear)),
        "black ink on a clear layer": image_file("PNG", Image.fromarray(ink)),
        "palette": image_file("PNG", Image.fromarray(pixels[..., :3]).quantize(30)),
        "dark on light": image_file("PNG", Image.fromarray(paper)),
        "turned": image_file("JPEG", Image.fromarray(pixels[:8, :, 0]), quality=100, exif=turned),
        "with a profile": image_file("PNG", Image.fromarray(pixels[..., :3]), icc_profile=wide_profile()),
        "nearly black": image_file("PNG", Image.fromarray(pixels[..., 0] // 12)),
    }


def wide_profile():
    """A colour profile that is not sRGB, which a browser would convert from, and Golmu does not."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tag = profile.index(b"rXYZ", 128)
    start = int.from_bytes(profile[tag + 4 : tag + 8], "big")
    profile[start + 8 : start + 12] = (60_000).to_bytes(4, "big")  # a redder red
    return bytes(profile)


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 20, 3)])
@pytest.mark.parametrize("name", files())
def test_a_file_is_read_as_the_command_reads_it(scripts, name, shape):
    content, (height, width, channels) = files()[name], shape
    for inversion in ("auto", "yes", "no"):
        options = {"height": height, "width": width, "ground": "dark" if channels == 1 else "", "inversion": inversion}
        found, is_inverted = scripts.evaluate(READ, [b64encode(content).decode(), options, channels])
        source = Opened(Image.open(BytesIO(content)), name)
        inverted = Inversion(options["ground"], inversion)
        expected = read_image(source, shape, inverted)
        difference = np.abs(np.array(found).reshape(shape) - expected.astype(int)).max()
        assert difference <= (2 if name == "turned" else 0)  # a browser has another decoder of JPEG
        assert is_inverted == inverted.has_inverted(source)
