"""Wheels by hash: fetched once, kept by hash, installed without a resolver or an index."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Failed

LINE = re.compile(r"^(?P<pin>[A-Za-z0-9._-]+==[^\s;]+) --hash=sha256:(?P<hash>[0-9a-f]{64})$")
TORCH = "https://download.pytorch.org/whl/cpu"  # where a "+cpu" wheel comes from


def cache() -> Path:
    """Where wheels are kept: CLINIC_CACHE, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("CLINIC_CACHE") or Path(base) / "clinic")


def uv() -> str:
    found = shutil.which(
        "uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if not found:
        raise Failed("uv is needed: pip install uv")
    return found


def pins(listing: Path) -> list[tuple[str, str]]:
    """The pins of a wheels.txt, each with its hash; what is not one is refused with its line."""
    found = []
    for number, line in enumerate(listing.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.match(line.strip())
        if not match:
            raise Failed(f"{listing}:{number}: not 'name==version --hash=sha256:…': {line!r}")
        found.append((match["pin"], match["hash"]))
    return found


def fetched(listing: Path, python: str) -> list[Path]:
    """The wheels of a listing, from the cache or from the index that pip is set up with."""
    store = cache() / "wheels"
    wanted = pins(listing)
    lacking = [(pin, digest) for pin, digest in wanted if not _kept(store / digest)]
    if lacking:
        _download(lacking, store, python)
    return [_kept(store / digest) or _gone(pin) for pin, digest in wanted]


def _gone(pin: str) -> Path:
    raise Failed(f"{pin}: the wheel of this hash was not found")


def _kept(folder: Path) -> Path | None:
    return next(iter(folder.glob("*.whl")), None) if folder.is_dir() else None


def _download(lacking: Sequence[tuple[str, str]], store: Path, python: str) -> None:
    store.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=store) as folder:
        listing = Path(folder, "wanted.txt")
        listing.write_text(
            "".join(f"{pin} --hash=sha256:{digest}\n" for pin, digest in lacking), "utf-8"
        )
        options = ["--no-deps", "--require-hashes", "--only-binary=:all:"]
        options.append("--ignore-requires-python")  # a patient may have a wheel for another Python
        options += ["--python-version", python]
        command = [*options, "--dest", folder, "--requirement", str(listing)]
        local = any("+" in pin for pin, _ in lacking)
        if pip("download", *command) and not (
            local and not pip("download", "--extra-index-url", TORCH, *command)
        ):
            raise Failed(f"pip could not download {', '.join(pin for pin, _ in lacking)}")
        for wheel in Path(folder).glob("*.whl"):
            keep(wheel, store)


def keep(wheel: Path, store: Path) -> str:
    """Move a wheel to where its hash says; the hash."""
    with wheel.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    place = store / digest.hexdigest()
    place.mkdir(parents=True, exist_ok=True)
    wheel.replace(place / wheel.name)
    return digest.hexdigest()


def pip(*arguments: str) -> int:
    """pip of the Python that runs the clinic; its exit status. What it says goes to stderr."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    return subprocess.run(command, check=False, stdout=sys.stderr).returncode


def lock(requirements: Sequence[str], python: str, *, resolve: bool) -> str:
    """The text of a wheels.txt for these requirements, with all that they need or alone."""
    store = cache() / "wheels"
    store.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=store) as folder:
        options = ["--only-binary=:all:", "--python-version", python, "--dest", folder]
        options += [] if resolve else ["--no-deps"]
        if pip("download", *options, *requirements):
            raise Failed(f"pip could not download {' '.join(requirements)}")
        lines = []
        for wheel in sorted(Path(folder).glob("*.whl")):
            name, version = wheel.name.split("-")[:2]
            pin = f"{name.replace('_', '-').lower()}=={version}"
            lines.append(f"{pin} --hash=sha256:{keep(wheel, store)}\n")
    return "".join(sorted(lines))
