"""One program in one process: the program is a library here, its `main` is called.

python child.py EMULATOR CACHE ARCH RUNTIME PROGRAM [--reverse] -- ARGUMENTS
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from amd_emulation.instructions import DECODERS, Instructions
from amd_emulation.kernarg import Shape
from amd_emulation.machine import Machine

_Three = ctypes.c_uint32 * 3


class Launch(ctypes.Structure):
    """runtime/launch.h: Launch."""

    _fields_ = (
        ("bundle", ctypes.c_void_p), ("kernel", ctypes.c_char_p), ("blocks", _Three), ("threads", _Three),
        ("dynamic_lds", ctypes.c_uint32), ("arguments", ctypes.POINTER(ctypes.c_void_p)),
    )  # fmt: skip


LAUNCHER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Launch))


def main() -> None:
    """Ends with the program's exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("emulator", "cache", "arch", "runtime", "program"):
        parser.add_argument(name)
    parser.add_argument("--reverse", action="store_true")
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    library = ctypes.CDLL(options.runtime, mode=ctypes.RTLD_GLOBAL)
    instructions = Instructions(Path(options.emulator), options.arch, Path(options.cache))
    machine = Machine(options.arch, library, instructions, options.reverse)
    launcher = LAUNCHER(lambda launch: _launch(machine, launch.contents))
    lanes = 64 if DECODERS[options.arch] == "cdna" else 32
    library.set_launcher(launcher, options.arch.encode(), lanes)
    program = ctypes.CDLL(options.program)
    words = [options.program.encode(), *(a.encode() for a in options.arguments)]
    status = program.main(len(words), (ctypes.c_char_p * (len(words) + 1))(*words, None))
    ctypes.CDLL(None).fflush(None)
    instructions.save()
    print(
        json.dumps({"instructions": machine.executed, "functions_made": instructions.made}),
        file=sys.stderr,
    )
    sys.stderr.flush()
    os._exit(status)


def _launch(machine: Machine, launch: Launch) -> int:
    shape = Shape(tuple(launch.blocks), tuple(launch.threads), launch.dynamic_lds)
    try:
        machine.launch(
            launch.bundle,
            launch.kernel.decode(),
            shape,
            lambda i, size: ctypes.string_at(launch.arguments[i], size),
        )
    except Exception as error:
        print(
            f"{launch.kernel.decode()}: {type(error).__name__}: {error}",
            file=sys.stderr,
            flush=True,
        )
        machine.instructions.save()
        return 1
    return 0


if __name__ == "__main__":
    main()
