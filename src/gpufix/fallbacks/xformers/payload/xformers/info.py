"""``python -m xformers.info``: what runs here."""

from __future__ import annotations

import torch

from . import __version__


def print_info() -> None:
    """One line a fact."""
    print(f"xFormers {__version__}: gpufix's replacement, attention by torch {torch.__version__}")
    print(f"pytorch.cuda: {'available' if torch.cuda.is_available() else 'not available'}")


if __name__ == "__main__":
    print_info()
