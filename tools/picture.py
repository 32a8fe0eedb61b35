"""Draws what the README shows: a real report on a recorded environment, in a terminal and as HTML.

python tools/picture.py [FACTS] [--gpu GPU]    writes docs/doctor.svg and, with chromium, docs/report.png
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.diagnosis.redaction import load
from gpufix.evidence.coverage import matrix
from gpufix.evidence.view import View
from gpufix.model import Diagnosis
from gpufix.report import terminal
from gpufix.report.html import Content, render

ROOT = Path(__file__).parent.parent
FACTS = ROOT / "tests" / "clinic" / "field-report-002" / "facts.json"
_SIZE = "1000,1180"


def main() -> None:
    """Judge, render, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("facts", nargs="?", type=Path, default=FACTS)
    parser.add_argument("--gpu", default="RTX 5080")
    options = parser.parse_args()
    facts = load(options.facts)
    diagnosis = diagnose(facts, Request(gpus=(options.gpu,)))
    _terminal(diagnosis, options.gpu)
    _browser(Content(diagnosis, tuple(matrix(View(facts, diagnosis.targets)))))


def _terminal(diagnosis: Diagnosis, gpu: str) -> None:
    console = Console(record=True, width=112, file=io.StringIO(), force_terminal=True)
    console.print(f'$ gpufix doctor --gpu "{gpu}"', style="bold", highlight=False)
    terminal.show(diagnosis, console, here=False)
    svg = console.export_svg(title="gpufix doctor", theme=MONOKAI)
    (ROOT / "docs" / "doctor.svg").write_text(svg, encoding="utf-8")


def _browser(content: Content) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("docs/report.png is left as it is: chromium is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(render(content), encoding="utf-8")
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={folder}/profile", f"--window-size={_SIZE}"]
        command += [f"--screenshot={ROOT / 'docs' / 'report.png'}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
