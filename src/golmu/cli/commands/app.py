"""`golmu app`: a page on which networks are trained in sight."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from golmu.checks import integer_within
from golmu.cli.extras import refuse_without_extra
from golmu.errors import InputError
from golmu.system import MAX_THREADS

if TYPE_CHECKING:
    from golmu.data.reading import ReadOptions
    from golmu.serve.live.data_sets import DataSets
    from golmu.serve.live.opened import OpenedRun

NEEDED = ("starlette", "uvicorn", "httptools", "websockets", "prometheus_client", "python_multipart")
"""What the extra `serve` installs, and the page needs of it."""


def serve_page(
    run: Path | None, data: str | None, *, folder: Path | None, read_options: ReadOptions, host: str, port: int,
    token: str | None, trainings: int | None, opens_browser: bool, say: Callable[[str], None],
) -> None:  # fmt: skip
    """Serve the live page until the process is told to stop.

    Parameters
    ----------
    run
        A run folder to open the page on, if any.
    data
        Data of the user's own, what `golmu.load_dataset` takes; with `run`, its data where they are now.
    folder, read_options
        A folder to look in first for a named data set's files, and how image files are read.
    host, port, token
        As for `golmu.serve.server`.
    trainings
        Trainings at the same time at most; by default one for each core.
    opens_browser
        Whether to open the page in the user's browser.
    say
        Called with each line that tells the user where the page is.

    Raises
    ------
    GolmuError
        If the extra is not installed, an argument cannot be used, or the run or the data cannot be read.
    """
    refuse_without_extra("golmu app", "serve", NEEDED)
    from golmu.serve.live.application import create_live_application  # noqa: PLC0415  an extra
    from golmu.serve.live.hall import Hall  # noqa: PLC0415
    from golmu.serve.live.messages import MAX_MESSAGE_BYTES  # noqa: PLC0415
    from golmu.serve.server import choose_token, listen  # noqa: PLC0415
    from golmu.serve.server import run as run_server  # noqa: PLC0415

    if trainings is not None:
        integer_within(trainings, "trainings", 1, MAX_THREADS)
    address = listen(host, port)
    with address.listener:
        data_sets, opened = _data_sets(run, data, folder, read_options)
        shown = choose_token(token, is_local=address.is_local)
        app = create_live_application(Hall(data_sets, opened, n_places=trainings), token=shown)
        url = f"{address.url}/" + ("" if shown is None else f"?token={shown}")
        say(f"the live page is at {url} (Ctrl-C stops it)")
        if opens_browser and _has_display():
            threading.Thread(target=_open_browser, args=(url,), daemon=True).start()
        run_server(app, address.listener, max_message_bytes=MAX_MESSAGE_BYTES)


def _data_sets(
    run: Path | None, data: str | None, folder: Path | None, read_options: ReadOptions
) -> tuple[DataSets, OpenedRun | None]:  # fmt: skip
    """Read what the page is started with: the user's own data, or a run with its data."""
    from golmu.about import DATASET_NAMES  # noqa: PLC0415
    from golmu.cli.progress import ReadingDisplay, load_with_bar  # noqa: PLC0415
    from golmu.cli.recipe_choice import choose_recipe  # noqa: PLC0415
    from golmu.data.reading import ReadOptions  # noqa: PLC0415
    from golmu.runs.job import SplitDataset  # noqa: PLC0415
    from golmu.serve.live.data_sets import DataSets  # noqa: PLC0415

    if (run is not None or data is None or data in DATASET_NAMES) and ReadOptions().differences(read_options):
        raise InputError("--size, --channels, --skip-bad and --label are for your own data: leave them out")
    if run is not None:
        from golmu.serve.live.opened import open_run  # noqa: PLC0415

        with ReadingDisplay() as progress:
            opened = open_run(run, data, folder, progress)
        return DataSets(opened.own, opened.entry.recipe_name, folder=folder, first=opened.entry.data_set), opened
    if data is None or data in DATASET_NAMES:
        return DataSets(folder=folder, first=data), None
    if folder is not None:
        raise InputError("--folder is for the data sets that have a name: leave it out")
    dataset = load_with_bar(data, None, read_options)
    own = SplitDataset.of(dataset, data, read_options)
    recipe = choose_recipe(data, None, {}, dataset.train.images.shape[1:], len(dataset.train)).name
    return DataSets(own, recipe or "any"), None


def _has_display() -> bool:
    """Whether a browser with windows can be opened: one in the terminal would take it over."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _open_browser(url: str) -> None:
    import webbrowser  # noqa: PLC0415

    webbrowser.open(url)
