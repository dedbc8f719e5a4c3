"""Who trains, with how many threads, and who waits: trainings share the cores, and above a limit they queue."""

from __future__ import annotations

from typing import Protocol


class Guest(Protocol):
    """One who wants to train."""

    def take_place(self, n_threads: int) -> None:
        """Begin to train with so many threads, or go on with another number of them."""

    def wait_in_place(self, place: int) -> None:
        """Wait as the `place`-th of the queue, counted from 1."""


class Places:
    """The places for trainings; one event loop uses them.

    Parameters
    ----------
    n_cores
        Cores that all trainings share: each gets n_cores // active ones threads, and at least one.
    n_places
        Trainings at the same time, at most.
    """

    def __init__(self, n_cores: int, n_places: int) -> None:
        self._n_cores, self._n_places = n_cores, n_places
        self._active: list[Guest] = []
        self._queue: list[Guest] = []

    @property
    def n_active(self) -> int:
        """Trainings that run now."""
        return len(self._active)

    def ask(self, guest: Guest) -> None:
        """Give a guest a place now, or once one is free; a guest that has one or waits already stays where it is."""
        if guest in self._active or guest in self._queue:
            return
        self._queue.append(guest)
        self._settle()
        if guest in self._queue:
            guest.wait_in_place(self._queue.index(guest) + 1)

    def leave(self, guest: Guest) -> None:
        """Take back a guest's place, or its place in the queue, if it has one."""
        before = list(self._queue)
        if guest in self._active:
            self._active.remove(guest)
            self._settle()
        elif guest in self._queue:
            self._queue.remove(guest)
        for place, one in enumerate(self._queue):
            if before[place] is not one:
                one.wait_in_place(place + 1)

    def _settle(self) -> None:
        """Let in whoever is next, and tell all that train their share of the cores."""
        while self._queue and len(self._active) < self._n_places:
            self._active.append(self._queue.pop(0))
        n_threads = max(1, self._n_cores // max(1, len(self._active)))
        for one in self._active:
            one.take_place(n_threads)
