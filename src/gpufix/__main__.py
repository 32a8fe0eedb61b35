"""`gpufix` and `python -m gpufix`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an unexpected error exits with 3 and says where it is logged."""
    from gpufix.cli.app import app
    from gpufix.cli.crash import report

    try:
        app()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)
    except Exception as error:
        sys.exit(report(error))


if __name__ == "__main__":
    main()
