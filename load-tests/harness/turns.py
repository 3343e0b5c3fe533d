"""Peers that take turns: every peer once in the first round, then every peer again. It prints nothing but tables of
scenarios that are done.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from harness import report
from harness.gateway import LOAD_CORE, BrokenError, Gateway, Place, Scratch, alone_on, answers, free_ports
from harness.measure import Cell, Effort, measure
from harness.provision import Workshop, tell
from harness.results import Results
from harness.scenarios import Scenario, chosen
from peers import PEERS, caddy, envoy, haproxy, nginx

# A cell in which others took more of the gateway's core than this is repeated.
FOREIGN_MAX = 0.08


@contextmanager
def origin(workshop: Workshop, port: int) -> Iterator[None]:
    """The origin behind the gateways."""
    process = subprocess.Popen(
        [workshop.tool("origin"), str(port)], stdin=subprocess.DEVNULL, preexec_fn=alone_on(LOAD_CORE)
    )
    try:
        deadline = time.monotonic() + 5
        while not answers(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit("the origin does not start")
            time.sleep(0.01)
        yield
    finally:
        process.kill()
        process.wait()


class Run:
    """One call of this command."""

    def __init__(self, options: argparse.Namespace, workshop: Workshop) -> None:
        self.options = options
        self.workshop = workshop
        self.results = Results()
        self.began = round(time.time())
        self.peers = options.peers.split(",")
        unknown = {peer.split("#")[0] for peer in self.peers} - set(PEERS)
        if unknown:
            raise SystemExit(f"no peer is called {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
        self.effort = Effort(options.seconds, options.warm_seconds, options.connections, options.rate)
        self.ports = free_ports(4)

    def all(self) -> None:
        """Every scenario, every round, every peer."""
        scenarios = chosen(self.options.scenarios)
        with origin(self.workshop, self.place(Path()).origin_port):
            for scenario in scenarios:
                for number in range(self.options.rounds):
                    for peer in self.peers:
                        self._cell(scenario, peer, number)
                if self.results.scenarios()[-1:] == [scenario.name]:
                    print(
                        f"\n{report.table(self.results, scenario.name, self.options.against.split(','))}",
                        flush=True,
                    )

    def _cell(self, scenario: Scenario, peer: str, number: int) -> None:
        if (scenario.name, peer) in self.results.absent:
            return
        tries = [cell for cell in self._tries(scenario, peer) if cell]
        if not tries:
            return
        cell = min(tries, key=lambda one: one["foreign"])
        cell |= {
            "scenario": scenario.name,
            "peer": peer,
            "round": number,
            "run": self.began,
            "tries": len(tries),
        }
        cell |= {"load": os.getloadavg()[0], "effort": asdict(self.effort)}
        self.results.add(cell)
        if self.options.lines:
            with self.options.lines.open("a") as lines:
                lines.write(json.dumps(cell) + "\n")

    def _tries(self, scenario: Scenario, peer: str) -> Iterator[Cell]:
        for _ in range(self.options.retries + 1):
            try:
                cell = self._try(scenario, peer)
            except (BrokenError, RuntimeError, subprocess.TimeoutExpired) as problem:
                tell(f"{scenario.name} {peer}: {problem}")
                return
            if cell is None:
                self.results.absent.add((scenario.name, peer))
                return
            yield cell
            if cell["foreign"] <= FOREIGN_MAX:
                return

    def _try(self, scenario: Scenario, peer: str) -> Cell | None:
        with Scratch(self.options.keep) as work:
            place = self.place(work)
            launch = PEERS[peer.split("#")[0]](scenario.site, place)
            if launch is None:
                return None
            with Gateway(launch, place) as gateway:
                return measure(scenario, gateway, self.effort)

    def place(self, work: Path) -> Place:
        plain, tls, admin, origin_port = self.ports
        return Place(plain, tls, admin, origin_port, self.workshop.fixtures, work, self.workshop)

    def versions(self) -> list[str]:
        """What the peers call themselves."""
        place = self.place(Path())
        pingora = "Pingora 0.9.1 (bare, lean, lean-duties, naive)"
        return [nginx.version(), haproxy.version(), envoy.version(place), caddy.version(place), pingora]
