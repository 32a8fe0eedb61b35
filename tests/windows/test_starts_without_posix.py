"""gpufix starts and judges where POSIX's modules, functions and signals are not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from windows_tree import complete

COMMANDS = {
    "the doctor": (["doctor", "--python", "PATIENT"], 0),
    "a snapshot": (["snapshot", "--python", "PATIENT"], 0),
    "plans": (["fix", "--python", "PATIENT"], 0),
    "a DLL": (["inspect", "PATIENT/python311.dll"], 0),
    "a usage error": (["doctor", "--python", "PATIENT/nothing"], 2),
}


@pytest.mark.some(2)
@pytest.mark.parametrize("name", COMMANDS)
def test_without_posix(tmp_path: Path, name: str) -> None:
    command, code = COMMANDS[name]
    _, folder, _ = complete(tmp_path)
    script = Path(__file__).with_name("as_on_windows.py")
    arguments = [part.replace("PATIENT", str(folder)) for part in command]
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr if code != 2 else "") == (code, "")
