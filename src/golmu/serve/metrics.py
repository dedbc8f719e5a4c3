"""What the server counts, in the form that Prometheus reads."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the classes of times."""

BATCHES = (1, 2, 4, 8, 16, 32, 64)
"""Upper ends of the classes of batches, in images."""


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = Counter("golmu_requests", "Requests answered.", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            "golmu_request_seconds", "Seconds from a request's head to the end of its answer.", ["path"],
            registry=registry, buckets=SECONDS,
        )  # fmt: skip
        self._images = Counter("golmu_images", "Images answered.", registry=registry)
        self._batches = Histogram(
            "golmu_batch_images", "Images that were computed together.", registry=registry, buckets=BATCHES
        )
        self.in_progress = Gauge("golmu_requests_in_progress", "Requests for predictions now.", registry=registry)
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer; `path` is one of a few, since each is a series of its own."""
        # A child's look-up by its labels takes longer than its counting.
        if (path, status) not in self._known:
            self._known[path, status] = self._requests.labels(path, status), self._seconds.labels(path)
        counter, histogram = self._known[path, status]
        counter.inc()
        histogram.observe(seconds)

    def computed(self, n: int) -> None:
        """Count a batch of n images."""
        self._images.inc(n)
        self._batches.observe(n)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)
