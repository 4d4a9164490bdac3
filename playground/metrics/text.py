"""The numbers in Prometheus' text format. Imported only where needed, for that takes a tenth of a second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from playground.metrics.families import Family

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class _Collected(Collector):
    def __init__(self, told: Iterable[Family]) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        for family in self._told:
            make = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            metric = make(family.name, family.meaning, labels=family.labels)
            for labels, value in family.values:
                metric.add_metric(labels, value)
            yield metric


def exposition(told: Iterable[Family]) -> bytes:
    """The text that a scraper reads."""
    return generate_latest(_Collected(told))
