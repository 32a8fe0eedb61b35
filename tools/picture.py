"""Draws docs/doctor.svg: a real report on a recorded environment, as a terminal shows it.

python tools/picture.py [FACTS] [--gpu GPU]
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from gpufix.doctor import Request, diagnose
from gpufix.report import terminal
from gpufix.snapshot import load

ROOT = Path(__file__).parent.parent
FACTS = ROOT / "tests" / "clinic" / "field-report-002" / "facts.json"


def main() -> None:
    """Judge, render, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("facts", nargs="?", type=Path, default=FACTS)
    parser.add_argument("--gpu", default="RTX 5080")
    options = parser.parse_args()
    diagnosis = diagnose(load(options.facts), Request(gpus=(options.gpu,)))
    console = Console(record=True, width=112, file=io.StringIO(), force_terminal=True)
    console.print(f'$ gpufix doctor --gpu "{options.gpu}"', style="bold", highlight=False)
    terminal.show(diagnosis, console)
    svg = console.export_svg(title="gpufix doctor", theme=MONOKAI)
    (ROOT / "docs" / "doctor.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
