"""The HTML report in a real browser: nothing overflows, nothing is logged, both schemes draw."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import pytest
from pages import page

import needs

pytestmark = pytest.mark.needs("chromium")

_MEASURE = """<!DOCTYPE html><body><iframe style="width:{width}px;height:900px;border:0"></iframe>
<pre id="said"></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const inside = frame.contentDocument, root = inside.documentElement;
  inside.querySelectorAll("details").forEach(d => {{ d.open = true; }});
  const wide = [...inside.querySelectorAll("body *")].filter(e => {{
    const box = e.getBoundingClientRect();
    return box.right > {width} + 1 && !e.closest(".scroll, pre, figure") && !e.closest(".skip");
  }}).map(e => e.tagName + "." + e.className);
  document.getElementById("said").textContent =
    JSON.stringify({{scroll: root.scrollWidth, height: root.scrollHeight, wide: wide}});
}};
frame.srcdoc = {content};
</script>"""


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    fixed = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    return subprocess.run(
        [needs.path("chromium"), *fixed, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


@pytest.mark.some(2)
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("text", ["plain", "averylongnamewithoutanyspace" * 12])
def test_nothing_overflows(tmp_path: Path, width: int, text: str) -> None:
    harness = tmp_path / "harness.html"
    content = json.dumps(page(text, rows=30)).replace("</", "<\\/")
    harness.write_text(_MEASURE.format(width=width, content=content), encoding="utf-8")
    dom = chromium(tmp_path, "--virtual-time-budget=5000", "--dump-dom", harness.as_uri()).stdout
    said = re.search(r'<pre id="said">(.*?)</pre>', dom, re.DOTALL)
    assert said
    measured = json.loads(html.unescape(said[1]))
    assert measured["height"] > 900
    assert measured["scroll"] <= width and measured["wide"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_are_drawn_without_a_complaint(tmp_path: Path, scheme: str) -> None:
    report, picture = tmp_path / "report.html", tmp_path / "report.png"
    report.write_text(page("plain"), encoding="utf-8")
    setting = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    done = chromium(
        tmp_path, setting, "--enable-logging=stderr", "--window-size=800,600",
        f"--screenshot={picture}", report.as_uri(),
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr, done.stderr
    corner = _top_left(picture)
    assert (sum(corner) < 200) == (scheme == "dark"), corner


def _top_left(picture: Path) -> tuple[int, ...]:
    """The first pixel: of the first row all PNG filters but the first leave it as it is."""
    import struct
    import zlib

    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 5000
    packed, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    return tuple(zlib.decompress(packed)[1:4])


_SORT = """<!DOCTYPE html><body><iframe style="width:1200px;height:900px"></iframe>
<pre id="said"></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const table = frame.contentDocument.querySelector("table.matrix");
  const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
  const button = table.querySelector("thead button");
  button.click(); const up = names();
  button.click(); const down = names();
  button.focus();
  document.getElementById("said").textContent = JSON.stringify(
    {{up: up, down: down, sorted: table.querySelector("th").getAttribute("aria-sort"),
      focus: frame.contentDocument.activeElement === button,
      open: frame.contentDocument.querySelectorAll("article details[open]").length}});
}};
frame.srcdoc = {content};
</script>"""


def test_the_matrix_is_sorted_by_a_click_and_evidence_is_closed(tmp_path: Path) -> None:
    harness = tmp_path / "harness.html"
    content = json.dumps(page("plain", rows=9)).replace("</", "<\\/")
    harness.write_text(_SORT.format(content=content), encoding="utf-8")
    dom = chromium(tmp_path, "--virtual-time-budget=5000", "--dump-dom", harness.as_uri()).stdout
    said = re.search(r'<pre id="said">(.*?)</pre>', dom, re.DOTALL)
    assert said
    told = json.loads(html.unescape(said[1]))
    assert told["up"] != told["down"] == told["up"][::-1]
    assert (told["sorted"], told["focus"], told["open"]) == ("descending", True, 0)
