"""gpufix as a process of its own, without its start: forked off one that has imported the package.

Imports are two thirds of a short command's time, and hundreds of tests run one. A fork has the
arguments, folder, variables and streams that it is given; what an interpreter reads at its start
is that of the first. Whatever depends on the start is tested with `python -m gpufix` (tests/cli),
and so are the slow tests of `make full`, which sets GPUFIX_TESTS_FRESH.

    python tests/forked.py NUMBER    serves on the socket of that number
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

# What Python, its loader and its C library read only when a process starts.
_AT_START = ("PYTHON", "LC_", "LD_", "LANG", "MALLOC_", "GLIBC_")
_PLAIN = (("LANG", "C.UTF-8"),)
_LENGTH = 8  # bytes of a message's length
FRESH = "GPUFIX_TESTS_FRESH"


def gpufix(
    arguments: Sequence[str], cwd: str | Path, env: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command: as `python -m gpufix` would, with nothing on its standard input."""
    command = [sys.executable, "-m", "gpufix", *arguments]
    settings = _settings(env)
    if os.environ.get(FRESH) or settings not in (_PLAIN, _settings(os.environ)):
        return subprocess.run(
            command, cwd=cwd, env=env, timeout=timeout, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        server = _server(settings)
        request = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}
        data = json.dumps(request).encode("utf-8", "surrogateescape")
        server.settimeout(timeout)
        socket.send_fds(server, [len(data).to_bytes(_LENGTH, "big")], [out.fileno(), err.fileno()])
        server.sendall(data)
        try:
            code = int.from_bytes(_whole(server, _LENGTH), "big", signed=True)
        except TimeoutError:
            server.close()
            _server.cache_clear()
            raise subprocess.TimeoutExpired(command, timeout) from None
        said = [_text(stream) for stream in (out, err)]
    return subprocess.CompletedProcess(command, code, *said)


def _settings(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(item for item in env.items() if item[0].startswith(_AT_START)))


def _text(stream: Any) -> str:
    stream.seek(0)
    return str(stream.read().decode("utf-8")).replace("\r\n", "\n").replace("\r", "\n")


def _whole(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            raise EOFError("gpufix's server has ended")
        data += part
    return data


@cache
def _server(settings: tuple[tuple[str, str], ...]) -> socket.socket:
    """One that was started with these: it ends when this end of the socket is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        env = {"PATH": os.environ["PATH"], **dict(settings)}
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())], env=env, pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    atexit.register(process.wait)
    atexit.register(ours.close)  # the last comes first
    return ours


def _serve(number: int) -> None:
    del sys.path[0]  # the tests' folder
    import gpufix as package

    for module in pkgutil.walk_packages(package.__path__, "gpufix."):
        if ".payload" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    main = importlib.import_module("gpufix.__main__")
    gc.freeze()
    with socket.socket(fileno=number) as stream:
        while True:
            head, streams, *_ = socket.recv_fds(stream, _LENGTH, 2)
            if len(head) < _LENGTH:
                return
            request = json.loads(_whole(stream, int.from_bytes(head, "big")))
            child = os.fork()
            if child == 0:
                break
            for one in streams:
                os.close(one)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            stream.sendall(code.to_bytes(_LENGTH, "big", signed=True))
    for target, one in zip((1, 2), streams, strict=True):
        os.dup2(one, target)
        os.close(one)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.modules["__main__"] = main
    sys.argv = [str(main.__file__), *request["arguments"]]
    main.main()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
