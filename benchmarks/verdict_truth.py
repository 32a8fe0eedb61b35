"""Really imports a package in its environment, and says of what kind a failure is."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIMIT = 180.0
DRIVER = r"lib(cuda|nvidia-ml|nvcuvid|nvidia-encode|nvoptix|cudadebugger)\.so[.\d]*"
_LOADER = re.compile(
    r"cannot open shared object file|undefined symbol: |version `[^']+' not found"
    r"|invalid ELF header|file too short|cannot dynamically load|wrong ELF class"
    r"|static TLS block|executable stack|ELF load command|object file has no "
    r"|ELF file (?:version|OS ABI|data encoding|ABI)|segment from shared object|cannot apply"
)
_NO_MODULE = re.compile(r"No module named '?([\w.]+)")


@dataclass
class Import:
    """What came of importing one name. `kind`: works, driver, library, module, other."""

    kind: str
    detail: str = ""  # the library or module that is named
    text: str = ""

    @property
    def unanswered(self) -> bool:
        """It was stopped: how it would have ended is not known."""
        return self.text.startswith("no answer")

    @property
    def crashed(self) -> bool:
        return self.detail.startswith("signal ")


def environment(extra: dict[str, str], folders: list[str], home: Path) -> dict[str, str]:
    """The variables of a patient: this process's, without those that lead to other code."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not re.match(r"LD_|PYTHON|VIRTUAL|CUDA_|CONDA|UV_", k)
    }
    paths = [*folders, *filter(None, [extra.get("LD_LIBRARY_PATH")])]
    found = {**kept, **extra, "HOME": str(home)}
    if paths:
        found["LD_LIBRARY_PATH"] = ":".join(paths)
    return found


def attempt(python: Path, name: str, variables: dict[str, str], folder: Path) -> Import:
    """`import NAME` in a process of its own, in an empty folder."""
    command = [str(python), "-c", f"import {name}"]
    try:
        result = subprocess.run(
            command, capture_output=True, env=variables, cwd=folder, timeout=LIMIT,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Import("other", "", f"no answer in {LIMIT:.0f} s")
    return classify(result.returncode, result.stderr.decode("utf-8", "replace"))


def classify(code: int, text: str) -> Import:
    """By the whole traceback: what a package makes of a loader's message is still the loader's."""
    if code == 0:
        return Import("works")
    if code < 0 and "Traceback" not in text:
        return Import("other", f"signal {-code}", text[-1500:])
    said = text[text.find("Traceback") :] if "Traceback" in text else text
    if loader := [line for line in said.splitlines() if _LOADER.search(line)]:
        named = re.search(rf"\b{DRIVER}: cannot open", loader[-1])
        return Import("driver" if named else "library", loader[-1].strip(), said[-3000:])
    if missing := _NO_MODULE.findall(said):
        return Import("module", missing[-1], said[-3000:])
    return Import("other", said.strip().splitlines()[-1] if said.strip() else "", said[-3000:])


def worst(found: list[Import]) -> Import:
    """One answer for a package of several names."""
    order = ["library", "module", "other", "driver", "works"]
    return min(found, key=lambda one: order.index(one.kind), default=Import("works"))
