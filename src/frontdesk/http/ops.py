"""For operators: is it alive, does it serve, what does it do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from frontdesk.http.wire import Answer, Call, Result, json_answer

# What a reading is: (name, help, kind, values by label). Labels are few and known: never an id.
Reading = tuple[str, str, str, dict[str, float]]


class Readings(Collector):
    """Reads the server's own counters when somebody looks; counting costs an addition and no lock."""

    def __init__(self, read: Callable[[], Iterable[Reading]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        for name, text, kind, values in self._read():
            family = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(name, text, labels=["kind"])
            for label, value in values.items():
                family.add_metric([label], value)
            yield family


@dataclass(slots=True)
class Operations:
    """Health and metrics."""

    registry: CollectorRegistry
    # Whether it takes work, and how its parts are.
    checks: Callable[[], tuple[bool, dict[str, str]]]

    def healthz(self, call: Call) -> Result:
        """The process answers."""
        return json_answer({"status": "ok", "checks": {}})

    def readyz(self, call: Call) -> Result:
        """It takes work: it is not stopping, and its own store stores. 500 otherwise, for load balancers."""
        ready, checks = self.checks()
        return json_answer({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 500)

    def metrics(self, call: Call) -> Result:
        """Prometheus text format."""
        headers = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"), (b"cache-control", b"no-store"))
        return Answer(200, generate_latest(self.registry), headers)
