"""A gateway under measurement: prepared, started alone on its core, and ended again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from harness import kernel
from harness.provision import Workshop
from harness.scenarios import Site

GATEWAY_CORE = 0
LOAD_CORE = 1

# Below the range that the kernel gives to clients.
PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Place:
    """Where a gateway listens, forwards, and finds and puts files."""

    port: int
    tls_port: int
    admin_port: int
    origin_port: int
    fixtures: Path
    work: Path
    workshop: Workshop


@dataclass(frozen=True)
class Launch:
    """How a peer is started for a site."""

    command: Sequence[str | Path]
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    output: str = "output.log"
    """Where standard output goes, in the work folder; some write their access log there."""


Render = Callable[[Site, Place], Launch | None]


class BrokenError(Exception):
    """A gateway that does not serve."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody holds."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def alone_on(core: int) -> Callable[[], None]:
    """What a child does before its program runs: it moves to a core and, if it may, ahead of others."""

    def move() -> None:
        os.setsid()
        os.sched_setaffinity(0, {core})
        try:
            os.nice(-8)
            # Where sessions share the machine as groups, the group's weight is what counts.
            Path("/proc/self/autogroup").write_text("-8")
        except OSError:
            pass

    return move


class Gateway:
    """A running peer. Leaving the context ends it with all its children."""

    def __init__(self, launch: Launch, place: Place) -> None:
        self.launch = launch
        self.place = place
        self.boot = 0.0
        self.pids: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Gateway:
        work = self.place.work
        for name, text in self.launch.files.items():
            (work / name).write_text(text)
        environment = {**os.environ, **self.launch.environment}
        with (work / self.launch.output).open("wb") as output, (work / "errors.log").open("wb") as errors:
            started = time.monotonic()
            self._process = subprocess.Popen(
                self.launch.command,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                preexec_fn=alone_on(GATEWAY_CORE),
            )
        try:
            self._await_port(started)
        except BrokenError:
            self.__exit__(None, None, None)
            raise
        return self

    def _await_port(self, started: float) -> None:
        assert self._process
        while not answers(self.place.port):
            if self._process.poll() is not None:
                raise BrokenError(f"ended with status {self._process.returncode}: {self._last_words()}")
            if time.monotonic() > started + 60:
                raise BrokenError("does not listen after 60 s")
            time.sleep(0.002)
        self.boot = time.monotonic() - started
        # Whatever a gateway still does after it listens is not part of a request.
        time.sleep(0.2)
        self.pids = kernel.family(self._process.pid)
        if not kernel.listens(self.pids, self.place.port):
            raise BrokenError("another process holds its port")

    def _last_words(self) -> str:
        texts = [path.read_text(errors="replace") for path in sorted(self.place.work.glob("*.log"))]
        return " ".join(" ".join(texts).split())[-400:]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._process:
            return
        for signum in (signal.SIGTERM, signal.SIGKILL):
            for pid in kernel.family(self._process.pid):
                try:
                    os.kill(pid, signum)
                except ProcessLookupError:
                    continue
            try:
                self._process.wait(1.5)
                return
            except subprocess.TimeoutExpired:
                continue


def answers(port: int) -> bool:
    """Whether somebody accepts connections on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2):
            return True
    except OSError:
        return False


class Scratch:
    """A folder that lives as long as a cell."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep

    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp(prefix="load-"))
        return self.path

    def __exit__(self, *_: object) -> None:
        if not self.keep:
            shutil.rmtree(self.path, ignore_errors=True)
