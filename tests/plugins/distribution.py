"""A small real distribution with rules and fixes of a third party, and a gpufix that has it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from textwrap import dedent

import venvs

# Its own rule, so that the fixes have something to plan for on a patient without any fault.
RULE = '''
from dataclasses import dataclass, replace

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Install, Payload, Plan, Remove, Skip, WriteFile
from gpufix.model.payload import StaleLock


@dataclass(frozen=True)
class Untidy(Payload):
    """A drawer, and what to do about it."""

    number: int
    how: str


@rule("ZZZ101", "untidy")
def untidy(view):
    """Something is untidy."""
    for number in range({count}):
        yield Fault(
            WARNING,
            f"drawer {{number}}",
            f"Drawer {{number}} is untidy.",
            payload=Untidy(number, "tidy up"),
        )


def plan(finding, **changes):
    steps = [Advise(text="tidy up")]
    fields = {{"fix": "tidy-up", "codes": [finding.code], "title": "tidy up", "steps": steps}}
    return Plan(**{{**fields, "safety": "safe", **changes}})
'''


def source(body: str, count: int = 1, codes: str = "ZZZ101") -> str:
    """The module: the rule, and one fix `tidy-up` with this body."""
    listed = ", ".join(f'"{code}"' for code in codes.split())
    head = f'@fix("tidy-up", {listed})\ndef tidy_up(finding, view):\n    """Tidies up."""\n'
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    return f"{RULE.format(count=count)}\n\n{head}{lines}"


def wheel(folder: Path, module: str) -> Path:
    """`tidy-1.0`, with the module as an entry point of both groups."""
    info = "tidy-1.0.dist-info"
    files = {
        "tidy.py": module,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tidy\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[gpufix.checks]\ntidy = tidy\n[gpufix.fixes]\ntidy = tidy\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    path = folder / "tidy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


class Host:
    """An environment that runs gpufix, with the tests' own distributions and what is installed."""

    def __init__(self, folder: Path):
        self.venv = venvs.create(folder / "host")
        own = sysconfig.get_path("purelib")
        (self.venv.site / "own.pth").write_text(f"import site; site.addsitedir({own!r})\n")

    def install(self, module: str) -> None:
        """Install the plugin with pip, as a user does."""
        made = wheel(self.venv.home, module)
        self.venv.pip("install", "--no-deps", "--no-index", str(made))

    def gpufix(
        self, patient: venvs.Venv, *arguments: str, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run this environment's gpufix on a patient."""
        command = [str(self.venv.python), "-m", "gpufix", *arguments]
        if arguments[0] not in ("explain", "rules"):
            command += ["--python", str(patient.python)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=patient.home, timeout=120,
            env=patient.environ({"NO_COLOR": "1", "COLUMNS": "200", **env}),
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done


def put_on_path(folder: Path, module: str) -> None:
    """Unpack the wheel into a folder of this process's sys.path."""
    with zipfile.ZipFile(wheel(folder, module)) as archive:
        archive.extractall(folder)
    sys.modules.pop("tidy", None)
