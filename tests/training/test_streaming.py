"""Training on images that are read window by window."""

from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest

from golmu.architecture import Architecture
from golmu.errors import DataError
from golmu.recipe import Recipe
from golmu.training.loop import Training, begin
from golmu.training.streaming import Stream, group_blocks

COUNTS = [16, 3, 16, 9, 16, 16, 1, 16, 12, 16]
N = sum(COUNTS)
SHAPE = (4, 4, 1)
BYTES = 16


class Blocks:
    """Images in memory, in blocks; image i says i in its first pixel."""

    dtype = np.dtype(np.uint8)

    def __init__(self, counts=COUNTS):
        n = sum(counts)
        self.counts = np.array(counts)
        self.shape = (n, *SHAPE)
        self.images = np.random.default_rng(0).integers(0, 256, self.shape, np.uint8)
        self.images[:, 0, 0, 0] = np.arange(n)
        self.labels = np.arange(n) % 3
        self.reads = []

    def read_block(self, block):
        self.reads.append(block)
        start = int(self.counts[:block].sum())
        rows = slice(start, start + int(self.counts[block]))
        return self.images[rows], self.labels[rows]


def stream(blocks=None, window=40):
    return Stream(
        blocks or Blocks(), lambda images, labels: SimpleNamespace(images=images, labels=labels), window * BYTES
    )


def numbers(epoch, first, n):
    """Which images some batches hold, (m, batch_size)."""
    data, order = epoch.part(first, n)
    assert (data.labels[order] == data.images[order][:, :, 0, 0, 0] % 3).all()
    return data.images[order][:, :, 0, 0, 0].tolist()


def whole(streamed, batch_size, seed, per_slice=3):
    """All batches of an epoch, asked for as the loop asks."""
    with streamed.epoch(batch_size, np.random.default_rng(seed)) as epoch:
        batches = []
        while len(batches) < epoch.n_batches:
            batches += numbers(epoch, len(batches), per_slice)
        assert epoch.n_batches == len(batches)
        return batches


@pytest.mark.parametrize("batch_size", [1, 7, 8, 30, 40, 100, N])
@pytest.mark.parametrize("window", [1, 17, 40, 1000])
def test_an_epoch_has_each_image_once_in_full_batches(batch_size, window):
    batches = whole(stream(window=window), batch_size, 5)
    seen = np.concatenate(batches).tolist()
    assert len(batches) == N // batch_size
    assert {len(batch) for batch in batches} == {batch_size}
    assert len(set(seen)) == len(seen) == N // batch_size * batch_size


def test_fewer_images_than_a_batch_make_one_batch_of_them_all():
    (batch,) = whole(stream(), 500, 0)
    assert sorted(batch) == list(range(N))


@pytest.mark.parametrize("per_slice", [1, 2, 5, 1000])
def test_slices_do_not_change_the_batches(per_slice):
    assert whole(stream(), 7, 5, per_slice) == whole(stream(), 7, 5, 3)


@pytest.mark.parametrize("batch_size", [5, 8, 33])
def test_an_epoch_goes_on_from_any_batch(batch_size):
    batches = whole(stream(), batch_size, 5)
    for first in range(len(batches)):
        with stream().epoch(batch_size, np.random.default_rng(5)) as epoch:
            rest = []
            while first + len(rest) < epoch.n_batches:
                rest += numbers(epoch, first + len(rest), 2)
        assert rest == batches[first:]


def test_another_seed_gives_another_order_and_images_of_many_blocks_meet():
    first, other = whole(stream(), 8, 5), whole(stream(), 8, 6)
    assert first != other
    starts = np.cumsum(COUNTS)
    meeting = [len(set(np.searchsorted(starts, batch, side="right").tolist())) for batch in first]
    assert np.mean(meeting) > 2


def test_over_many_epochs_every_image_is_as_likely_in_the_first_batch():
    counts = np.zeros(N)
    for seed in range(400):
        with stream(window=60).epoch(30, np.random.default_rng(seed)) as epoch:
            counts[numbers(epoch, 0, 1)] += 1
    expected = 400 * 30 / N
    assert abs(counts.mean() - expected) < 1e-9
    assert counts.min() > expected / 3
    assert counts.max() < 2 * expected


def test_no_more_than_a_window_is_read_ahead():
    blocks = Blocks([8] * 40)
    streamed = stream(blocks, window=16)
    with streamed.epoch(8, np.random.default_rng(0)) as epoch:
        epoch.part(0, 1)
    assert len(blocks.reads) <= 2 * 2


def test_what_fails_while_it_is_read_ahead_comes_out():
    class Broken(Blocks):
        def read_block(self, block):
            if block == 4:
                raise DataError("block 4 is damaged")
            return super().read_block(block)

    with pytest.raises(DataError, match="block 4 is damaged"):
        whole(stream(Broken(), window=1), 2, 0)
    engine, _ = begin(Architecture(4, 4, 1, 2, 4, 3), "fused", 1, 0)
    with pytest.raises(DataError, match="block 4 is damaged"):
        Stream(Broken(), engine.prepare, 17 * BYTES).evaluate(engine)


def recipe(**own):
    return Recipe(
        n_kernels=2, units=4, batch_size=8, learning_rate=0.1, epochs=3, shift=1, hidden_dropout=0.2, **own
    )  # fmt: skip


def trained(data, validation, own, window=40, stop=None):
    """A training to the end; with `stop`, that is interrupted after so many batches, and goes on in another."""
    made = []
    for last in filter(None, [stop, -1]):
        engine, rng = begin(Architecture(4, 4, 1, 2, 4, 3), "fused", 2, 3)
        training = Training(engine, own, rng)
        training.longest_slice = 1
        if made:
            training.restore(made[-1].state())

        def callback(progress, training=training, last=last):
            if training.epoch * 15 + training.batch == last:
                raise InterruptedError

        blocks = data(engine)
        with suppress(InterruptedError):
            training.run(blocks, validation(engine), own.epochs, [callback])
        made.append(training)
    return made[-1]


def test_training_goes_on_inside_an_epoch_with_the_same_bits():
    def streamed(engine):
        return Stream(Blocks(), engine.prepare, 40 * BYTES)

    uninterrupted = trained(streamed, streamed, recipe())
    for stop in (1, 7, 14, 16, 29):
        resumed = trained(streamed, streamed, recipe(), stop=stop)
        assert resumed.history.losses == uninterrupted.history.losses
        assert resumed.history.val_losses == uninterrupted.history.val_losses
        for name, weight in uninterrupted.engine.get_weights().items():
            assert weight.tobytes() == resumed.engine.get_weights()[name].tobytes()


def test_a_stream_trains_as_the_same_batches_in_memory_do(monkeypatch):
    """The twin holds all images in memory, and takes the order from the stream."""
    own, blocks = recipe(), Blocks()
    streamed = trained(lambda engine: Stream(blocks, engine.prepare, 40 * BYTES), lambda engine: None, own)

    def order_of_stream(n, batch_size, rng):
        with stream().epoch(batch_size, rng) as epoch:
            batches = []
            while len(batches) < epoch.n_batches:
                batches += numbers(epoch, len(batches), 100)
            return np.array(batches)

    monkeypatch.setattr("golmu.training.loop.epoch_order", order_of_stream)
    twin = trained(lambda engine: engine.prepare(blocks.images, blocks.labels), lambda engine: None, own)
    assert streamed.history.losses == twin.history.losses
    for name, weight in twin.engine.get_weights().items():
        assert weight.tobytes() == streamed.engine.get_weights()[name].tobytes()


@pytest.mark.parametrize("window", [1, 40, 1000])
def test_a_stream_is_evaluated_as_its_images_in_memory_are(window):
    engine, _ = begin(Architecture(4, 4, 1, 2, 4, 3), "fused", 2, 3)
    blocks = Blocks()
    expected = engine.evaluate(engine.prepare(blocks.images, blocks.labels))
    score = Stream(blocks, engine.prepare, window * BYTES).evaluate(engine)
    assert score.accuracy == expected.accuracy
    assert score.loss == pytest.approx(expected.loss, rel=1e-12)


def test_groups_of_blocks_hold_at_least_so_many_images():
    groups = group_blocks(np.array(COUNTS), np.arange(len(COUNTS))[::-1], 20)
    assert np.concatenate(groups).tolist() == list(range(len(COUNTS)))[::-1]
    assert min(sum(COUNTS[i] for i in group) for group in groups) >= 20
    assert len(group_blocks(np.array([3, 4]), np.arange(2), 100)) == 1
