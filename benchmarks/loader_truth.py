"""Really opens libraries, each in a process forked from one that made the same imports.

usage: python loader_truth.py [torch] < PATHS > OUTCOMES
One line of JSON a library: [path, outcome, message]; outcome is loads, fails, crashes or hangs.
Runs in the patient's own Python: the standard library only.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time

LIMIT = 60.0


def attempt(path: str) -> "tuple[str, str]":
    """Open `path` in a child: (outcome, the loader's message)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        try:
            ctypes.CDLL(path, mode=os.RTLD_NOW)
            os.write(writer, b"loads")
        except OSError as error:
            os.write(writer, b"fails" + str(error).encode("utf-8", "replace")[:4000])
        os._exit(0)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], LIMIT)
    answer = os.read(reader, 4096).decode("utf-8", "replace") if ready else ""
    os.close(reader)
    if not ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not ready:
        return "hangs", f"no answer in {LIMIT} s"
    if not answer:
        return "crashes", f"status {status}"
    return answer[:5], answer[5:]


def main() -> None:
    if "torch" in sys.argv[1:]:
        import torch  # noqa: F401
    started = time.monotonic()
    for line in sys.stdin:
        path = line.rstrip("\n")
        print(json.dumps([path, *attempt(path)]), flush=True)
    print(f"{time.monotonic() - started:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
