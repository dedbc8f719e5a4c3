import pytest
from packed import numbered_dataset, pack_dataset, small_shards


@pytest.fixture
def index(tmp_path, monkeypatch):
    """300 training images in three shards of at most 128, in blocks of 16, and 40 test images."""
    with small_shards(monkeypatch):
        yield pack_dataset(numbered_dataset(300, 40), tmp_path / "packed")
