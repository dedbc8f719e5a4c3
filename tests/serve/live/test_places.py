"""Who trains, with how many threads, and who waits."""

import pytest

from golmu.serve.live.places import Places


class Guest:
    """Notes what it is told: threads, or its place in the queue as a negative number."""

    def __init__(self):
        self.told = []

    def take_place(self, n_threads):
        self.told.append(n_threads)

    def wait_in_place(self, place):
        self.told.append(-place)


@pytest.fixture
def guests():
    return [Guest() for _ in range(6)]


def last(guests):
    return [guest.told[-1] if guest.told else None for guest in guests]


def test_trainings_share_the_cores(guests):
    places = Places(8, 8)
    for guest in guests[:3]:
        places.ask(guest)
    assert last(guests) == [2, 2, 2, None, None, None]
    places.leave(guests[1])
    assert last(guests)[:3] == [4, 2, 4]
    places.leave(guests[0])
    assert guests[2].told == [2, 4, 8]


def test_each_has_a_thread_at_least(guests):
    places = Places(2, 6)
    for guest in guests:
        places.ask(guest)
    assert last(guests) == [1] * 6


def test_above_the_limit_they_queue_and_hear_their_place(guests):
    places = Places(2, 2)
    for guest in guests:
        places.ask(guest)
    assert last(guests) == [1, 1, -1, -2, -3, -4]
    places.leave(guests[3])  # out of the queue
    assert last(guests) == [1, 1, -1, -2, -2, -3]
    places.leave(guests[0])
    assert last(guests) == [1, 1, 1, -2, -1, -2]
    assert places.n_active == 2


def test_asking_twice_changes_nothing(guests):
    places = Places(2, 1)
    places.ask(guests[0])
    places.ask(guests[1])
    told = [list(guest.told) for guest in guests]
    places.ask(guests[0])
    places.ask(guests[1])
    places.leave(guests[2])
    assert [guest.told for guest in guests] == told
