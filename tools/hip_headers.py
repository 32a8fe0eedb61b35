"""Records which of the names in knowledge/hip.toml HIP's headers have, and where.

    python tools/hip_headers.py VERSION=INCLUDE...     # 6.2.2=…/clr/hipamd/include 5.2.3=/usr/include

INCLUDE holds the folder hip. Writes tests/knowledge/hip_headers.json, which the rows are compared
with; sets that are not named keep what was recorded of them.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "tests" / "knowledge" / "hip_headers.json"
# The headers that some sets leave out; a row says in `where` that its names stand in one of them.
PARTS = ("hip/amd_detail/amd_hip_cooperative_groups.h", "hip/amd_detail/amd_hip_fp16.h")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


def names() -> list[str]:
    """The names of all rows."""
    rows = tomllib.loads((ROOT / "knowledge" / "hip.toml").read_text("utf-8"))["row"]
    return [name for row in rows for name in row["names"]]


def recorded(include: Path) -> dict[str, Any]:
    """What one set of headers has: the parts that it leaves out, and each name's file and line."""
    found: dict[str, str] = {}
    texts = {path: _code(path) for path in _headers(include)}
    for name in names():
        place = _place(include, name, texts)
        if place:
            found[name] = place
    return {"lacks": [part for part in PARTS if not (include / part).is_file()], "has": found}


def _headers(include: Path) -> list[Path]:
    """AMD's own; hip_prof_str.h has the names of calls, not the calls."""
    files = sorted((include / "hip").rglob("*.h"))
    return [f for f in files if "nvidia_detail" not in f.parts and f.name != "hip_prof_str.h"]


def _code(path: Path) -> str:
    text = path.read_text("utf-8", "replace")
    return _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)


def _place(include: Path, name: str, texts: dict[Path, str]) -> str | None:
    if name.startswith("<"):
        file = include / name.strip("<>")
        return name.strip("<>") if file.is_file() else None
    space, _, plain = name.rpartition("::")
    wanted = re.compile(rf"(?<![\w.>:]){re.escape(plain)}\s*\(|#\s*define\s+{re.escape(plain)}\b")
    for path, text in texts.items():
        if space and "cooperative_groups" not in path.name:
            continue
        if found := wanted.search(text):
            return f"{path.relative_to(include)}:{text.count(chr(10), 0, found.start()) + 1}"
    return None


def main() -> int:
    sets: dict[str, Any] = json.loads(RECORD.read_text("utf-8")) if RECORD.is_file() else {}
    for argument in sys.argv[1:]:
        version, _, folder = argument.partition("=")
        sets[version] = recorded(Path(folder))
    ordered = dict(sorted(sets.items(), key=lambda row: [int(n) for n in row[0].split(".")]))
    RECORD.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")
    print(f"{RECORD.name}: {len(ordered)} sets of headers, {len(names())} names")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
