"""`golmu serve`: a trained network that answers over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from golmu.checks import integer_within, one_of
from golmu.cli.extras import refuse_without_extra
from golmu.cli.shipping import open_network, origin_of, samples_of
from golmu.data.readers.image_files import MAX_PIXELS
from golmu.export.page import Sample, choose_samples
from golmu.preprocessing import INVERSIONS

NEEDED = ("fastapi", "uvicorn", "httptools", "prometheus_client", "python_multipart")
"""What the extra `serve` installs."""

MAX_MEGABYTES, MAX_IMAGES, MAX_REQUESTS = 1000, 10_000, 10_000


def serve_network(
    network: Path, *, host: str, port: int, token: str | None, invert: str, max_megabytes: int, max_pixels: int,
    max_images: int, max_requests: int, say: Callable[[str], None],
) -> None:  # fmt: skip
    """Answer requests until the process is told to stop.

    Parameters
    ----------
    network
        A run folder, or a model file.
    host, port, token
        As for `golmu.serve.server`.
    invert
        As for `golmu.Predictor.predict`.
    max_megabytes, max_pixels, max_images, max_requests
        See `golmu.serve.limits.Limits`.
    say
        Called with each line that tells the user where the server is.

    Raises
    ------
    GolmuError
        If the extra is not installed, an argument cannot be used, or the network cannot be read.
    """
    refuse_without_extra("golmu serve", "serve", NEEDED)
    from golmu.serve.application import create_application  # noqa: PLC0415  an extra
    from golmu.serve.limits import MEGABYTE, Limits  # noqa: PLC0415
    from golmu.serve.server import choose_token, listen, run  # noqa: PLC0415

    one_of(invert, INVERSIONS, "invert")
    limits = Limits(
        integer_within(max_megabytes, "max_megabytes", 1, MAX_MEGABYTES) * MEGABYTE,
        integer_within(max_pixels, "max_pixels", 1, MAX_PIXELS),
        integer_within(max_images, "max_images", 1, MAX_IMAGES),
        integer_within(max_requests, "max_requests", 1, MAX_REQUESTS),
    )
    address = listen(host, port)
    with address.listener:
        shown = choose_token(token, is_local=address.is_local)
        predictor, trained = open_network(network)

        def samples() -> Sequence[Sample]:
            return choose_samples(None if trained is None else samples_of(trained), predictor.class_names)

        app = create_application(
            predictor, limits=limits, token=shown, invert=invert,
            origin=None if trained is None else origin_of(trained), samples=samples,
        )  # fmt: skip
        say(f"serving {network} at {address.url} (Ctrl-C stops it)")
        if shown is not None and token is None:
            say(f"token: {shown}")
        run(app, address.listener)
