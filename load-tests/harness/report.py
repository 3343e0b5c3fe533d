"""The results as text: a table for each scenario, the gates, what helps to read them. It measures nothing."""

from __future__ import annotations

import os
import platform
from datetime import date
from pathlib import Path
from statistics import median

from harness.gates import GATES
from harness.results import Results, bad_answers
from harness.scenarios import SCENARIOS
from peers import PEERS

LEGEND = """\
CPU is the time, in microseconds, that the scheduler ran the gateway's threads for each request of the
measured window, on one core that nothing else is pinned to. `cheapest` is the cheapest tenth of the slices of
100 ms, the smallest of the rounds: what a request costs while nothing disturbs. `median` is over the rounds,
with the smallest and the largest. Ratios (`: peer`) are medians of the ratios within the same round, of
`cheapest` (of the whole window where there are no slices: HTTP/2). `foreign` is the share of the gateway's
core that others took, `bad` the number of answers that failed or had another status. Differences under 10 %
are noise."""

FLOOR = ("bare", "lean", "lean-duties")


def in_order(results: Results) -> list[str]:
    """Peers as they are listed; what was measured more than once beside itself."""
    names = list(PEERS)
    return sorted(results.peers(), key=lambda peer: (names.index(peer.split("#")[0]), peer))


def table(results: Results, scenario: str, against: list[str]) -> str:
    """One scenario as a Markdown table."""
    title = SCENARIOS[scenario].title
    if scenario == "idle":
        head, rows = _idle_rows(results)
    else:
        head, rows = _cost_rows(results, scenario, against)
    absent = sorted(peer for name, peer in results.absent if name == scenario)
    lines = [
        f"### {scenario}: {title}",
        "",
        _row(head),
        _row(["---", *["---:"] * (len(head) - 1)]),
        *map(_row, rows),
    ]
    carried = [peer for peer in FLOOR if results.cells(scenario, peer)]
    if carried and SCENARIOS[scenario].filtered:
        lines += ["", f"{', '.join(carried)}: the same requests, carried without any filter."]
    if absent:
        lines += ["", f"Not able to: {', '.join(absent)}."]
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cost_rows(results: Results, scenario: str, against: list[str]) -> tuple[list[str], list[list[str]]]:
    bases = [peer for peer in against if results.cells(scenario, peer)]
    head = ["peer", "cheapest", "median (of rounds)", *(f": {base}" for base in bases)]
    head += ["requests/s", "p50 µs", "p99 µs", "p99.9 µs", "peak MiB", "boot ms", "foreign", "bad"]
    rows = []
    for peer in in_order(results):
        cells = results.cells(scenario, peer)
        if cells:
            middle = [_number(results.middle(scenario, peer, key), form) for key, form in FIGURES]
            ratios = [_number(results.ratio(scenario, peer, base), "{:.2f}") for base in bases]
            bad = str(sum(bad_answers(cell) for cell in cells))
            rows.append(
                [
                    peer,
                    _number(results.cheapest(scenario, peer), "{:.1f}"),
                    _spread(results, scenario, peer),
                    *ratios,
                    *middle,
                    bad,
                ]
            )
    return head, rows


FIGURES = [
    ("per_second", "{:.0f}"),
    ("p50", "{:.0f}"),
    ("p99", "{:.0f}"),
    ("p999", "{:.0f}"),
    ("peak_memory", "{:.1f}"),
    ("boot_ms", "{:.0f}"),
    ("foreign", "{:.2f}"),
]


def _spread(results: Results, scenario: str, peer: str) -> str:
    values = results.values(scenario, peer, "cpu")
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})" if values else "–"


def _idle_rows(results: Results) -> tuple[list[str], list[list[str]]]:
    rows = []
    for peer in in_order(results):
        if results.cells("idle", peer):
            figures = [
                results.middle("idle", peer, key)
                for key in ("kib_per_connection", "memory_before", "memory_after")
            ]
            rows.append(
                [peer, _number(figures[0], "{:.2f}"), *(_number(figure, "{:.1f}") for figure in figures[1:])]
            )
    return ["peer", "KiB per connection", "MiB before", "MiB with them"], rows


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def gates(results: Results) -> tuple[str, bool]:
    """The gates as a Markdown table, and whether all that were measured hold."""
    rows, held = [], True
    for gate in GATES:
        measured = gate.measured(results)
        if measured is None:
            verdict = "not measured"
        else:
            verdict = "yes" if measured <= gate.at_most else "NO"
            held = held and measured <= gate.at_most
        rows.append([gate.text, f"{gate.at_most:g}{gate.unit}", _number(measured, "{:.2f}"), verdict])
    head = ["gate", "at most", "measured", "held"]
    return "\n".join([_row(head), _row(["---", "---:", "---:", "---"]), *map(_row, rows)]), held


def machine() -> str:
    """What the figures were taken on."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "?",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release().split('-')[0]}"


def command(results: Results) -> str:
    """The call that measures the same again."""
    scenarios, cells = results.scenarios(), results.all()
    names = "all" if set(scenarios) == set(SCENARIOS) else ",".join(scenarios)
    effort = cells[-1]["effort"]
    parts = ["load-tests/run", f"--scenarios {names}", f"--peers {','.join(in_order(results))}"]
    parts += [f"--rounds {1 + max(cell['round'] for cell in cells)}", f"--seconds {effort['seconds']:g}"]
    return " ".join([*parts, f"--connections {effort['connections']}", f"--rate {effort['rate']:g}"])


def document(results: Results, against: list[str], versions: list[str]) -> str:
    """The whole report."""
    loads = [cell["load"] for cell in results.all()]
    parts = [
        "# Load test results",
        f"Measured {date.today():%d %B %Y} on {machine()}, with `{command(results)}`.",
        "\n".join(f"- {version}" for version in versions if version),
        f"Load average during the cells: median {median(loads):.1f}, from {min(loads):.1f} to "
        f"{max(loads):.1f}; the tests themselves make about 2.",
        LEGEND,
        "## Gates",
        gates(results)[0],
        "## Scenarios",
        *(table(results, scenario, against) for scenario in results.scenarios()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
