"""Shell scripts read by gpufix and by bash: is it the same structure?

    python benchmarks/shell_oracle.py FOLDER...

Each script is parsed, printed in another layout, and both are printed by bash as a function
(`declare -f`). Scripts that bash refuses are counted apart.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "source"))

from shell_print import canonical, inner, printed

from gpufix.source.builds.shell_parser import parse

_LARGEST = 300_000


def compared(text: str) -> str:
    """One script: "same", "refused by bash", or what differs."""
    wanted = canonical(text)
    if wanted is None:
        return "refused by bash"
    script = parse(text)
    if script.error:
        return f"refused here: line {script.error[0]}: {script.error[1]}"
    if canonical(printed(script, text)) != wanted:
        return "another structure"
    parts = {part for _, part in inner(script)}
    wrong = [p for p in parts if (w := canonical(p)) and canonical(printed(parse(p), p)) != w]
    return f"another structure: {wrong[0][:60]!r}" if wrong else "same"


def main(folders: list[str]) -> int:
    """Print the figures, and each script that differs."""
    counts: Counter[str] = Counter()
    for path in sorted(p for folder in folders for p in Path(folder).rglob("*.sh")):
        if not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        try:
            found = compared(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
        counts[found.partition(":")[0]] += 1
        if found not in ("same", "refused by bash"):
            print(f"{path}: {found}")
    print(", ".join(f"{count} {name}" for name, count in counts.most_common()))
    return int(set(counts) > {"same", "refused by bash"})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
