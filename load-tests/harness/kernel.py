"""What the kernel knows about processes: run time, memory, family, sockets. It changes none of it."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        parent = int(stat[stat.rindex(")") + 2 :].split()[1])
        children.setdefault(parent, []).append(int(entry.name))
    members, queue = [], [pid]
    while queue:
        member = queue.pop()
        members.append(member)
        queue += children.get(member, [])
    return members


def run_time(pids: list[int]) -> int:
    """Nanoseconds that all threads of these processes have run."""
    total = 0
    for pid in pids:
        for thread in (PROC / str(pid) / "task").glob("*/schedstat"):
            try:
                total += int(thread.read_text().split()[0])
            except OSError:
                continue
    return total


def memory(pids: list[int]) -> tuple[float, float]:
    """MiB that these processes hold now (shared pages counted once) and held at most."""
    now = peak = 0
    for pid in pids:
        now += _kilobytes(PROC / str(pid) / "smaps_rollup", "Pss:")
        peak += _kilobytes(PROC / str(pid) / "status", "VmHWM:")
    return now / 1024, peak / 1024


def _kilobytes(path: Path, label: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(label)), 0)


def core_ticks(core: int) -> tuple[int, int]:
    """Ticks that a core was busy, and all its ticks."""
    for line in (PROC / "stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            ticks = [int(tick) for tick in line.split()[1:9]]
            user, nice, system, idle, waiting, hard, soft, stolen = ticks
            busy = user + nice + system + hard + soft
            return busy, busy + idle + waiting + stolen
    return 0, 0


def listens(pids: list[int], port: int) -> bool:
    """Whether one of these processes holds the socket that listens on a port."""
    wanted = set()
    for line in (PROC / "net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
            wanted.add(f"socket:[{fields[9]}]")
    for pid in pids:
        for descriptor in (PROC / str(pid) / "fd").glob("*"):
            try:
                if str(descriptor.readlink()) in wanted:
                    return True
            except OSError:
                continue
    return False
