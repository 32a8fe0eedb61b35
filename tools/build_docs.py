"""Renders docs/rules/*.md from the rules' docstrings, and the JSON schema of the report.

python tools/build_docs.py            write them
python tools/build_docs.py --check    exit 1 when one of them is stale
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gpufix.checks.registry import builtin_rules
from gpufix.model import Diagnosis, Facts

DOCS = Path(__file__).parent.parent / "docs"


def pages() -> dict[Path, str]:
    """Every generated file and its content."""
    rules = builtin_rules()
    out = {
        DOCS / "rules" / f"{rule.code}.md": f"# {rule.code} {rule.name}\n\n{rule.page}\n"
        for rule in rules
    }
    rows = [f"| [{r.code}]({r.code}.md) | {r.name} | {r.page.splitlines()[0]} |" for r in rules]
    head = "# Rules\n\n| code | name | what |\n| --- | --- | --- |\n"
    out[DOCS / "rules" / "index.md"] = head + "\n".join(rows) + "\n"
    for name, model in (("diagnosis", Diagnosis), ("facts", Facts)):
        schema = json.dumps(model.model_json_schema(mode="serialization"), indent=1)
        out[DOCS / "schema" / f"{name}.json"] = schema + "\n"
    return out


def main() -> int:
    """Write or check; prints what differs."""
    wanted = pages()
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text]
    stale += [p for p in (DOCS / "rules").glob("*.md") if p not in wanted]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"stale: {path.relative_to(DOCS.parent)} (run `make docs`)")
        return 1 if stale else 0
    for path in stale:
        if path not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path.relative_to(DOCS.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
