"""Batches that form by themselves."""

import asyncio
import threading

import numpy as np
import pytest

from golmu.errors import InputError
from golmu.serve.batches import MAX_BATCH, Batches


def image(value):
    return np.full((1, 1, 1, 1), value, np.uint8)


class Computer:
    """Answers each image with its value, as soon as it may; one of value 255 has no answer."""

    def __init__(self):
        self.may, self.sizes = threading.Event(), []

    def __call__(self, images):
        self.may.wait()
        self.sizes.append(len(images))
        if (images == 255).any():
            raise InputError("no answer")
        return images[:, 0, 0].astype(np.float32)


def gather(computer, scenario):
    observed = []
    batches = Batches(computer, observed.append)
    result = asyncio.run(scenario(batches))
    batches.close()
    return result, observed


def test_what_comes_while_a_batch_is_computed_is_the_next():
    computer = Computer()

    async def scenario(batches):
        tasks = [asyncio.create_task(batches.probabilities(image(0)))]
        await asyncio.sleep(0.01)
        tasks += [asyncio.create_task(batches.probabilities(image(i))) for i in range(1, 101)]
        await asyncio.sleep(0.01)
        computer.may.set()
        return await asyncio.gather(*tasks)

    answers, observed = gather(computer, scenario)
    assert [answer[0, 0] for answer in answers] == list(range(101))
    assert computer.sizes == observed == [1, MAX_BATCH, 100 - MAX_BATCH]


def test_a_request_of_many_images_stays_together():
    computer = Computer()
    computer.may.set()

    async def scenario(batches):
        requests = [np.full((n, 1, 1, 1), n, np.uint8) for n in (40, 40, 100, 3)]
        return await asyncio.gather(*map(batches.probabilities, requests))

    answers, observed = gather(computer, scenario)
    assert [answer[:, 0].tolist() for answer in answers] == [[n] * n for n in (40, 40, 100, 3)]
    assert observed == [40, 40, 100, 3]


def test_an_image_without_an_answer_spoils_no_others():
    computer = Computer()

    async def scenario(batches):
        tasks = [asyncio.create_task(batches.probabilities(image(i))) for i in (1, 255, 2)]
        computer.may.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    (first, second, third), _ = gather(computer, scenario)
    assert (first[0, 0], third[0, 0]) == (1, 2)
    assert isinstance(second, InputError)


def test_a_client_that_has_gone_is_not_computed():
    computer = Computer()

    async def scenario(batches):
        first = asyncio.create_task(batches.probabilities(image(1)))
        await asyncio.sleep(0.01)
        gone = asyncio.create_task(batches.probabilities(image(2)))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0.01)
        computer.may.set()
        await first
        return (await batches.probabilities(image(3)))[0, 0]

    answer, observed = gather(computer, scenario)
    assert (answer, observed) == (3, [1, 1])


def test_a_fault_reaches_whoever_asked():
    async def scenario(batches):
        with pytest.raises(ZeroDivisionError):
            await batches.probabilities(image(1))
        with pytest.raises(ZeroDivisionError):  # and the thread lives
            await batches.probabilities(image(1))

    gather(lambda _: 1 / 0, scenario)
