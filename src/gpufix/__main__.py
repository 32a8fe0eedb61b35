"""`gpufix` and `python -m gpufix`."""

from __future__ import annotations

import gc
import signal
import sys
from types import FrameType


def _interrupted(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def main() -> None:
    """Run the command line; an unexpected error exits with 3 and says where it is logged."""
    signal.signal(signal.SIGINT, _interrupted)
    # A run lasts a second: looking for cyclic garbage would be a tenth of it.
    gc.set_threshold(2_000_000)
    from gpufix.cli import quick
    from gpufix.cli.crash import report

    try:
        if sys.argv[1:2] == ["inspect"] and quick.inspect(sys.argv[2:]):
            return
        from gpufix.cli.app import app

        app()
    except BrokenPipeError:
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        sys.exit(report(error))


if __name__ == "__main__":
    main()
