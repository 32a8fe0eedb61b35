"""Small libraries compiled on the spot, and the real loader to compare with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import needs
from gpufix.binary.loader.model import Opened, Process, Verdict
from gpufix.binary.loader.scan import predict

REAL = """
import ctypes, json, os, sys
for path, everywhere in json.loads(sys.argv[2]):
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL if everywhere else os.RTLD_NOW)
try:
    library = ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW)
except OSError as error:
    print(json.dumps([False, str(error), None]))
else:
    which = getattr(library, "which", None)
    print(json.dumps([True, "", which() if which else None]))
"""


@dataclass
class Opening:
    """What the real loader did; which: the value of the library's own which(), if it has one."""

    loads: bool
    message: str
    which: int | None


class Lab:
    """A folder of libraries made with gcc."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def build(self, name: str, source: str, *flags: str, shared: bool = True) -> str:
        """Compile C `source` into `name`; flags as for gcc, {} in them is the lab's folder."""
        needs.require("gcc")
        out = self.folder / name
        out.parent.mkdir(parents=True, exist_ok=True)
        kind = ["-shared", "-fPIC"] if shared else []
        command = ["gcc", *kind, "-O1", "-w", "-x", "c", "-", "-x", "none", "-o", str(out)]
        command += [flag.replace("{}", str(self.folder)) for flag in flags]
        subprocess.run(command, input=source, text=True, check=True, capture_output=True)
        return str(out)

    def open(
        self,
        path: str,
        environment: Mapping[str, str] | None = None,
        before: tuple[tuple[str, bool], ...] = (),
    ) -> Opening:
        """Really load `path` in a fresh process, after the libraries `before`."""
        command = [sys.executable, "-I", "-S", "-c", REAL, path, json.dumps(before)]
        result = subprocess.run(
            command, env=dict(environment or {}), capture_output=True, text=True, cwd=self.folder
        )
        if result.returncode < 0:
            return Opening(False, f"killed by signal {-result.returncode}", None)
        return Opening(*json.loads(result.stdout))


def judge(
    lab: Lab,
    path: str,
    environment: dict[str, str] | None = None,
    before: tuple[tuple[str, bool], ...] = (),
) -> Verdict:
    """The prediction, after checking that the real loader agrees on loading at all."""
    opened = tuple(Opened(*item) for item in before)
    verdict = predict(Process(sys.executable, (), environment or {}, opened), path)
    real = lab.open(path, environment, before)
    assert verdict.loads == real.loads, (real.message, verdict)
    return verdict
