"""Runs a real pip that dies, together with the run that started it, at its Nth change.

usage: python fatal_pip.py PIP_FOLDER MODE N COUNT_FILE VERB...
MODE "both": at change N, kill the parent and pip. MODE "parent": kill the parent at once, and go
on, slowly. N 0: only count the changes.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time
from pathlib import Path
from typing import Any

CHANGES = ("os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.utime")
folder, mode, fatal, counter = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
sys.argv = ["pip", *sys.argv[5:]]
sys.path.insert(0, folder)
parent = os.getppid()
count = 0


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    global count
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
    if not (writes or event in CHANGES) or sys.prefix not in str(arguments[0]):
        return
    count += 1
    if count == fatal:
        os.kill(parent, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(audit)
if mode == "parent":
    os.kill(parent, signal.SIGKILL)
    time.sleep(1.0)
try:
    runpy.run_module("pip", run_name="__main__")
finally:
    if fatal == 0:
        with counter.open("a") as file:
            file.write(f"{count}\n")
