"""One cell of the results: one peer under one scenario in one round."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import kernel
from harness.gateway import GATEWAY_CORE, LOAD_CORE, Gateway, Place, alone_on
from harness.scenarios import ITEM, USUAL_FIELDS, Scenario

# What a cell says about itself.
Cell = dict[str, Any]

# Values in rotation: with this many answers each was seen before the window opens.
WARM_REQUESTS = 11_000

IDLE_CONNECTIONS = 5_000


@dataclass(frozen=True)
class Effort:
    """How long and how hard."""

    seconds: float
    warm_seconds: float
    connections: int
    rate: float


def measure(scenario: Scenario, gateway: Gateway, effort: Effort) -> Cell:
    """Measures a gateway that runs."""
    measures = {"load": _load, "rate": _load, "h2": _http2, "idle": _idle}
    cell = measures[scenario.kind](scenario, gateway, effort)
    now, peak = kernel.memory(gateway.pids)
    cell |= {"boot_ms": gateway.boot * 1000, "memory": now, "peak_memory": peak}
    return cell


def _request_file(scenario: Scenario, work: Path) -> Path:
    path = work / "request.http"
    path.write_bytes(scenario.request.text())
    return path


def _load(scenario: Scenario, gateway: Gateway, effort: Effort) -> Cell:
    place = gateway.place
    values = scenario.values
    if values and scenario.one:
        values = values.replace(".txt", "-one.txt")
    in_rotation = values is not None and not scenario.one and not scenario.unseen
    job = {
        "port": place.tls_port if scenario.over_tls else place.port,
        "request": str(_request_file(scenario, place.work)),
        "values": str(place.fixtures / values) if values else None,
        "connections": effort.connections,
        "seconds": effort.seconds,
        "warm_seconds": effort.warm_seconds,
        "warm_requests": WARM_REQUESTS if in_rotation else 0,
        "rate": effort.rate if scenario.kind == "rate" else None,
        "fresh": scenario.fresh,
        "tls": scenario.over_tls,
        "watch": gateway.pids,
        "expect": scenario.expected,
    }
    output = _on_load_core(
        [place.workshop.tool("generator"), json.dumps(job)], effort.seconds + effort.warm_seconds + 60
    )
    cell: Cell = json.loads(output)
    cell["foreign"] = cell["cores"][GATEWAY_CORE]["busy"] - cell["gateway_share"]
    return cell


def _on_load_core(command: Sequence[str | Path], limit: float) -> str:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit,
        preexec_fn=alone_on(LOAD_CORE),
    )
    if done.returncode:
        raise RuntimeError(done.stdout[-400:])
    return done.stdout


def _h2load(requests: int, place: Place) -> tuple[int, str]:
    """Runs h2load; tells how many answers had a good status, and the protocol."""
    fields = [f"{name}: {value}" for name, value in USUAL_FIELDS.items() if name != "Host"]
    flags = [word for text in fields for word in ("-H", text)]
    url = f"https://localhost:{place.tls_port}{ITEM}"
    text = _on_load_core(["h2load", "-n", str(requests), "-c", "8", "-m", "16", "-t", "1", *flags, url], 120)
    answered = re.search(r"status codes: (\d+) 2xx", text)
    protocol = re.search(r"Application protocol: (\S+)", text)
    return int(answered[1]) if answered else 0, protocol[1] if protocol else ""


def _http2(_scenario: Scenario, gateway: Gateway, effort: Effort) -> Cell:
    # h2load counts requests, not seconds: a short run tells how many fill the window.
    began, few = time.monotonic(), 3_000
    _h2load(few, gateway.place)
    wanted = max(few, int(few / (time.monotonic() - began) * effort.seconds))
    busy, ticks = kernel.core_ticks(GATEWAY_CORE)
    run, then = kernel.run_time(gateway.pids), time.monotonic()
    answered, protocol = _h2load(wanted, gateway.place)
    run, seconds = kernel.run_time(gateway.pids) - run, time.monotonic() - then
    busy_after, ticks_after = kernel.core_ticks(GATEWAY_CORE)
    share = run / 1e9 / seconds
    return {
        "requests": answered,
        "seconds": seconds,
        "per_second": answered / seconds,
        "failures": wanted - answered,
        "wrong_status": 0,
        "protocol": protocol,
        "cpu": run / 1e3 / max(1, answered),
        "gateway_share": share,
        "foreign": (busy_after - busy) / max(1, ticks_after - ticks) - share,
    }


def _idle(scenario: Scenario, gateway: Gateway, _effort: Effort) -> Cell:
    place = gateway.place
    before = kernel.memory(gateway.pids)[0]
    command: Sequence[str | Path] = [
        place.workshop.tool("idlers"),
        str(place.port),
        _request_file(scenario, place.work),
        str(IDLE_CONNECTIONS),
    ]
    holder = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=alone_on(LOAD_CORE),
    )
    assert holder.stdin and holder.stdout and holder.stderr
    try:
        line = holder.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"connections could not be held: {holder.stderr.read()[-300:]}")
        # Buffers that are given back late are given back by now.
        time.sleep(1.5)
        after = kernel.memory(gateway.pids)[0]
    finally:
        holder.stdin.close()
        holder.wait(20)
    count = int(line)
    return {
        "connections": count,
        "kib_per_connection": (after - before) * 1024 / count,
        "memory_before": before,
        "memory_after": after,
        "foreign": 0.0,
    }
