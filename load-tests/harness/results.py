"""The cells that were measured, and the figures that are made of them. It prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from harness.measure import Cell

# A cell with more bad answers than this share says nothing about cost.
BAD_SHARE = 0.002


class Results:
    """Cells by scenario and peer, one for each round."""

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        self._cells: dict[tuple[str, str], list[Cell]] = {}
        self.absent: set[tuple[str, str]] = set()
        for cell in cells:
            self.add(cell)

    @classmethod
    def read(cls, path: Path) -> Results:
        """From lines of JSON."""
        return cls(json.loads(line) for line in path.read_text().splitlines())

    def add(self, cell: Cell) -> None:
        """One more."""
        self._cells.setdefault((cell["scenario"], cell["peer"]), []).append(cell)

    def cells(self, scenario: str, peer: str) -> list[Cell]:
        """All cells of a place, in the order of rounds."""
        return self._cells.get((scenario, peer), [])

    def all(self) -> list[Cell]:
        """Every cell."""
        return [cell for cells in self._cells.values() for cell in cells]

    def sound(self, scenario: str, peer: str) -> list[Cell]:
        """Those of them whose answers were what they should be."""
        return [
            cell
            for cell in self.cells(scenario, peer)
            if bad_answers(cell) <= BAD_SHARE * cell.get("requests", 1)
        ]

    def scenarios(self) -> list[str]:
        """Names in the order in which they were measured."""
        return list(dict.fromkeys(scenario for scenario, _ in self._cells))

    def peers(self) -> list[str]:
        """Names in the order in which they were measured."""
        return list(dict.fromkeys(peer for _, peer in self._cells))

    def values(self, scenario: str, peer: str, key: str) -> list[float]:
        """A figure from every sound cell that has it."""
        cells = self.sound(scenario, peer)
        return [cell[key] for cell in cells if cell.get(key) is not None]

    def middle(self, scenario: str, peer: str, key: str) -> float | None:
        """The median of a figure over the rounds."""
        values = self.values(scenario, peer, key)
        return median(values) if values else None

    def cheapest(self, scenario: str, peer: str) -> float | None:
        """The least disturbed cost of a request: the smallest of the rounds."""
        costs = [value for cell in self.sound(scenario, peer) if (value := cost(cell)) is not None]
        return min(costs, default=None)

    def ratio(self, scenario: str, peer: str, to: str) -> float | None:
        """The cost of a request by that of another peer."""
        return self.ratio_across((scenario, peer), (scenario, to))

    def ratio_across(self, own: tuple[str, str], other: tuple[str, str]) -> float | None:
        """The median of the ratios within the same round, so that slow drift of the machine cancels out."""
        bases = {(cell["run"], cell["round"]): cost(cell) for cell in self.sound(*other)}
        ratios = []
        for cell in self.sound(*own):
            value, base = cost(cell), bases.get((cell["run"], cell["round"]))
            if value is not None and base:
                ratios.append(value / base)
        return median(ratios) if ratios else None


def cost(cell: Cell) -> float | None:
    """Microseconds of CPU per request: of the cheapest tenth of the slices where there are slices."""
    return cell.get("cpu_cheapest") or cell.get("cpu")


def bad_answers(cell: Cell) -> int:
    """Answers that did not come or had the wrong status."""
    return int(cell.get("failures", 0) + cell.get("wrong_status", 0))
