"""The arguments of the commands with which others use a network: exports, the server and the live page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from golmu.cli.options import (
    DATA,
    SERVER,
    ChannelsOption,
    FolderOption,
    HostOption,
    InvertOption,
    LabelOption,
    PortOption,
    RunOrModelArgument,
    SizeOption,
    SkipBadOption,
    TokenOption,
    option,
    read_options,
)
from golmu.cli.output import say


def export(
    run: RunOrModelArgument,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="keras, onnx, litert (TensorFlow Lite, for phones and small devices), saved-model (TensorFlow "
            "Serving), or page (a web page that runs the network).",
        ),
    ] = "keras",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder to write, or to replace if an export wrote it. By default export/FORMAT in the run folder, or "
            "beside the model file.",
        ),
    ] = None,
    quantize: Annotated[
        bool,
        typer.Option(
            "--quantize", help="With --to litert: quantize it to 8 bits, calibrated on the run's training images; the "
            "folder is export/litert-int8."
        ),
    ] = False,
    card: Annotated[bool, typer.Option("--card", help="Write a model card, README.md, too.")] = False,
    data: Annotated[
        str | None,
        option(
            metavar="DATA", group=DATA, help="With --quantize or --to page: the new place of the run's data, if they "
            "have moved.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Write a network in another program's format, and check in that program that it gives the same answers.

    The export is a folder with the network, labels.txt (the names of the classes) and model.json (input, output,
    accuracy, versions). Inside the network are the scaling of pixels from 0 to 255, standardisation, the mirror image
    where the network uses one, and softmax. Not inside are turning an image file upright, making it grey or RGB,
    fitting it to the network's size and inverting it: golmu.fit_image does that, and model.json says exactly how. A
    page does all of it.
    """
    from golmu.cli.commands.export import describe, export_run  # noqa: PLC0415

    exported = export_run(run, to, output, is_quantized=quantize, has_card=card, data=data)
    for line in describe(exported):
        say(line)


def serve(
    run: RunOrModelArgument,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    token: TokenOption = None,
    max_megabytes: Annotated[
        int, option("--max-megabytes", metavar="N", help="Megabytes of a request's body at most.", group=SERVER)
    ] = 16,
    max_pixels: Annotated[
        int, option("--max-pixels", metavar="N", help="Pixels of an image at most.", group=SERVER)
    ] = 50_000_000,
    max_images: Annotated[
        int, option("--max-images", metavar="N", help="Images per request at most.", group=SERVER)
    ] = 64,
    max_requests: Annotated[
        int, option("--max-requests", metavar="N", help="Requests at the same time at most.", group=SERVER)
    ] = 256,
    invert: InvertOption = "auto",
) -> None:  # fmt: skip
    """Answer requests over HTTP with a network: an image file as the body of POST /predict, and a page to try it on."""
    from golmu.cli.commands.serve import serve_network  # noqa: PLC0415

    serve_network(
        run, host=host, port=port, token=token, invert=invert, max_megabytes=max_megabytes, max_pixels=max_pixels,
        max_images=max_images, max_requests=max_requests, say=say,
    )  # fmt: skip


def open_page(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="A run folder to open: its curves, its network and its images."),
    ] = None,
    data: Annotated[
        str | None,
        option(
            "--data", metavar="DATA", group=DATA,
            help="Your own data to train on, or with RUN, the new place of its data if they have moved.",
        ),
    ] = None,
    no_open: Annotated[bool, option("--no-open", help="Do not open the page in the browser.", group=SERVER)] = False,
    trainings: Annotated[
        int | None,
        option(
            "--trainings", metavar="N", min=1, group=SERVER,
            help="Trainings at the same time at most; others wait. By default one per core.",
        ),
    ] = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    token: TokenOption = None,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:  # fmt: skip
    """Open a page in the browser on which networks are trained in sight: watch, look inside, draw, understand.

    Other computers reach the page with --host 0.0.0.0 and the token in the address that is printed.
    """
    from golmu.cli.commands.app import serve_page  # noqa: PLC0415

    serve_page(
        run, data, folder=folder, read_options=read_options(size, channels, skip_bad, label), host=host, port=port,
        token=token, trainings=trainings, opens_browser=not no_open, say=say,
    )  # fmt: skip
