"""What all visitors of the page share: data sets, places for trainings, threads that answer, and an opened run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from golmu.runs.folder import RUNS
from golmu.serve.live.data_sets import DataSets
from golmu.serve.live.opened import OpenedRun
from golmu.serve.live.places import Places
from golmu.system import usable_cores

T = TypeVar("T")


class Hall:
    """What all visitors share.

    Parameters
    ----------
    data_sets
        What can be chosen.
    opened
        The run that the page is opened on, if any.
    n_places
        Trainings at the same time, at most; by default one for each core.
    runs
        The folder in which runs are saved.
    """

    def __init__(
        self, data_sets: DataSets, opened: OpenedRun | None = None, *, n_places: int | None = None, runs: Path = RUNS
    ) -> None:  # fmt: skip
        cores = usable_cores()
        self.data_sets, self.opened, self.runs = data_sets, opened, runs
        self.n_places = n_places or cores
        self.places = Places(cores, self.n_places)
        self._pool = ThreadPoolExecutor(cores, thread_name_prefix="golmu-answers")

    async def compute(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function in one of the threads that answer."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def close(self) -> None:
        """End the threads, once they have done what they have begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
