"""`gpufix` and `python -m gpufix`."""

import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # the folder at hand, of `python -m gpufix`: a project's json.py is not ours

import os

if _named := os.environ.get("PYTHONPATH"):  # the patient's: a types.py there is not Python's
    _folders = {*_named.split(os.pathsep)}
    sys.path.sort(key=lambda path: path in _folders)

import atexit
import gc
import signal
from types import FrameType


def _interrupted(number: int, _: FrameType | None) -> None:
    if number == signal.SIGINT and os.isatty(2):
        os.write(2, b"\n")  # what the shell asks next stands on a line of its own
    sys.exit(128 + number)


def _interruptible() -> None:
    """Programs that gpufix runs have sessions of their own: it must live on to end them."""
    signal.signal(signal.SIGINT, _interrupted)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", None)):  # Windows has no SIGHUP
        if number and signal.getsignal(number) == signal.SIG_DFL:  # nohup has SIGHUP ignored
            signal.signal(number, _interrupted)


def _open_streams() -> None:
    """A stream that was closed (`2>&-`) is None: what would be written to it goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # It stays open as long as the process, and pathlib is not loaded for a version number.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif os.name == "nt":  # a pipe there has the code page of the system
            getattr(sys, name).reconfigure(errors="replace")


def _terminal() -> None:
    """Terminals that do not know their size say 0: no line would be printed."""
    if os.environ.get("COLUMNS", "").strip("0") == "":
        os.environ.pop("COLUMNS", None)


def _drop_the_rest() -> None:
    """What is still to be flushed would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main() -> None:
    """Run the command line; an unexpected error exits with 3 and says where it is logged."""
    _interruptible()
    _open_streams()
    _terminal()
    # A run lasts a second: looking for cyclic garbage would be a tenth of it.
    gc.set_threshold(2_000_000)
    atexit.register(gc.freeze)  # the search at the end included
    from gpufix.cli import start
    from gpufix.cli.start import report

    try:
        if start.serve(sys.argv[1:]):
            return
        from gpufix.cli.app import application, needed

        application(needed(sys.argv[1:]))(prog_name="gpufix")
    except BrokenPipeError:
        _drop_the_rest()
        sys.exit(1)  # as Click does
    except Exception as error:
        code = report(error)
        if isinstance(error, OSError):
            _drop_the_rest()
        sys.exit(code)


if __name__ == "__main__":
    main()
