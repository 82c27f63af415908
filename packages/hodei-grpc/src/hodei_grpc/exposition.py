"""The instruments of a replica as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import accumulate

from attrs import frozen
from hodei_application.metrics.instruments import Counter, Gauge, Histogram, Instrument
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry


@frozen(eq=False)
class Exposition(Collector):
    """Makes families of samples of the instruments when they are asked for."""

    _instruments: Iterable[Instrument]

    def collect(self) -> Iterator[Metric]:
        """All of them, also those that have counted nothing yet."""
        for each in self._instruments:
            yield family_of(each)
        build = GaugeMetricFamily("hodei_build_info", "Always 1; the label tells.", labels=["version"])
        build.add_metric([version("hodei-grpc")], 1.0)
        yield build

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not read."""
        return iter(())


def registry_of(instruments: Iterable[Instrument]) -> CollectorRegistry:
    """The instruments, and memory, processor time and files of the process."""
    registry = CollectorRegistry()
    registry.register(Exposition(instruments))
    ProcessCollector(registry=registry)
    return registry


def family_of(instrument: Instrument) -> Metric:
    """One instrument with all that it has counted."""
    match instrument:
        case Counter():
            return _counter(instrument)
        case Histogram():
            return _histogram(instrument)
        case Gauge():
            return _gauge(instrument)
    raise TypeError(f"{type(instrument).__name__} is no instrument that Prometheus knows")


def _counter(counter: Counter) -> Metric:
    family = CounterMetricFamily(counter.name, counter.help, labels=counter.labels)
    for labels, value in list(counter.values.items()):
        family.add_metric(labels, value)
    return family


def _gauge(gauge: Gauge) -> Metric:
    family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
    for labels, value in gauge.read():
        family.add_metric(labels, value)
    return family


def _histogram(histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(histogram.name, histogram.help, labels=histogram.labels)
    bounds = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
    for labels, spread in list(histogram.values.items()):
        buckets = [(bound, float(n)) for bound, n in zip(bounds, accumulate(spread.counts), strict=True)]
        family.add_metric(labels, buckets, spread.total)
    return family
