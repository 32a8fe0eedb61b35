"""torch for the tests: the CPU build alone, from torch's own index, or not at all.

On PyPI, torch for Linux is the CUDA build with gigabytes of nvidia-* wheels. The CPU build is told
by its local version, "+cpu", which only it carries; on x86-64 and aarch64 alike.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory

from environment import Environment, Stop
from installer import no_answer, pip

VERSION = "2.13.0+cpu"
INDEX = os.environ.get("TORCH_INDEX") or "https://download.pytorch.org/whl/cpu"
PATIENCE = 25  # seconds for the index to answer; also where it has many addresses and none answers
SKIPPED = "the tests on torch are skipped"


def wanted() -> bool:
    """TORCH=no leaves it out."""
    return os.environ.get("TORCH", "yes").lower() not in {"no", "0", "false", "off"}


def install(env: Environment, constraints: Path) -> None:
    """Install the CPU build, or say in one line why not: the tests do without it."""
    before = env.contents()
    try:
        where = _source(env)
        with TemporaryDirectory(dir=env.folder, prefix=".torch-") as folder:
            options = ["--no-deps", "--only-binary=:all:", "--timeout=15", "--retries=2"]
            options.append("--no-cache-dir")  # a second copy of 190 MB
            pip(env, "download", f"--dest={folder}", *options, *where, f"torch=={VERSION}")
            (wheel,) = Path(folder).glob("*.whl")
            refuse_cuda(wheel)
            pip(env, "install", "-c", str(constraints), str(wheel))
    except Stop as stop:
        if env.contents() != before:
            raise
        print(f"gpufix: torch is left out, {SKIPPED}: {stop}", file=sys.stderr, flush=True)


def refuse_cuda(wheel: Path) -> None:
    """What requires CUDA is no CPU build, whatever it calls itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if re.fullmatch(r"torch-[^/]+/METADATA", n)]
        required = HeaderParser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])
    cuda = [text for text in required if re.match(r"(nvidia|cuda)\b", text)]
    if cuda:
        raise Stop(f"{wheel.name} is no CPU build, it requires {cuda[0]}")


def _source(env: Environment) -> list[str]:
    """pip's options under which the build is found: what pip is configured with, then INDEX."""
    if VERSION in _versions(env, "--no-index")[0]:
        return ["--no-index"]
    index = (
        ["--no-index", "--find-links", INDEX] if Path(INDEX).is_dir() else ["--index-url", INDEX]
    )
    found, problem = _versions(env, *index)
    if VERSION in found:
        return index
    python = ".".join(map(str, sys.version_info[:2]))
    raise Stop(
        f"{INDEX} cannot be reached ({problem}); TORCH_INDEX= names a mirror or a folder of wheels"
        if problem
        else f"{INDEX} has no torch {VERSION} for Python {python} on {os.uname().machine}"
    )


def _versions(env: Environment, *options: str) -> tuple[list[str], str]:
    """The versions of torch that pip finds for this Python, and why the index did not answer."""
    command = [str(env.python), "-m", "pip", "-vv", "index", "versions", "torch", *options]
    try:
        done = subprocess.run(
            [*command, "--timeout=10", "--retries=1"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            close_fds=False,
        )
    except subprocess.TimeoutExpired:
        return [], f"no answer within {PATIENCE} s"
    said = done.stdout + done.stderr
    found = re.search(r"^Available versions: (.*)$", said, re.MULTILINE)
    failed = re.search(r"Could not fetch URL \S+: (.*?)(?: - skipping)?$", said, re.MULTILINE)
    if found or not failed:
        return found[1].split(", ") if found else [], ""
    return [], no_answer(failed[1]) or failed[1]
