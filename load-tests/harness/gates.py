"""What must hold: the cost of a request by that of a peer in the same rounds, and a few absolute bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.results import Results

GATEWAY = "adamant"


@dataclass(frozen=True)
class Gate:
    """A bound, and how what it bounds is found."""

    text: str
    at_most: float
    unit: str
    measured: Callable[[Results], float | None]


def _ratio(scenario: str, peer: str, at_most: float) -> Gate:
    def measured(results: Results) -> float | None:
        return results.ratio(scenario, GATEWAY, peer)

    return Gate(f"{scenario}: CPU per request by that of {peer}", at_most, "×", measured)


def _memory_per_connection(results: Results) -> float | None:
    own = results.middle("idle", GATEWAY, "kib_per_connection")
    bare = results.middle("idle", "bare", "kib_per_connection")
    return own / bare if own is not None and bare else None


def _many_routes_more(key: str) -> Callable[[Results], float | None]:
    def measured(results: Results) -> float | None:
        few = results.middle("routes-10", GATEWAY, key)
        many = results.middle("routes-10000", GATEWAY, key)
        return many - few if few is not None and many is not None else None

    return measured


def _many_routes_time(results: Results) -> float | None:
    return results.ratio_across(("routes-10000", GATEWAY), ("routes-10", GATEWAY))


def _many_routes_boot(results: Results) -> float | None:
    return results.middle("routes-10000", GATEWAY, "boot_ms")


GATES = [
    *(_ratio(scenario, "lean-duties", 1.10) for scenario in ("plain", "tls", "http2", "post")),
    _ratio("large", "nginx", 0.75),
    *(_ratio(f"refuse-{status}", "nginx", 1.5) for status in (401, 403, 404)),
    _ratio("refuse-429", "nginx", 1.7),
    _ratio("chain-api-key", "lean-duties", 1.25),
    _ratio("chain-api-key", "naive", 0.75),
    _ratio("chain-es256", "haproxy", 0.40),
    _ratio("chain-es256", "envoy-cache", 0.60),
    _ratio("es256-unseen", "haproxy", 0.90),
    Gate("10,000 routes: CPU per request by that with 10", 1.10, "×", _many_routes_time),
    Gate("10,000 routes: boot", 300, " ms", _many_routes_boot),
    Gate("10,000 routes: memory held beyond that with 10", 16, " MiB", _many_routes_more("memory")),
    Gate("10,000 routes: peak memory beyond that with 10", 16, " MiB", _many_routes_more("peak_memory")),
    Gate("idle: memory per connection by that of bare", 0.75, "×", _memory_per_connection),
]
