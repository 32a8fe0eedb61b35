"""Renders docs/rules/*.md and docs/fixes/*.md from the docstrings, the JSON schemas, the floors in
docs/architecture.md, the site's navigation (mkdocs.yml from tools/mkdocs.base.yml).

python tools/build_docs.py            write them
python tools/build_docs.py --check    exit 1 when one of them is stale
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from pydantic import TypeAdapter

import command_pages
from floor_picture import picture
from gpufix.checks.registry import Rule, builtin_rules
from gpufix.fixes.registry import Fix, builtin_fixes, fixes_in
from gpufix.model import Diagnosis, Facts
from gpufix.model.base import Model
from gpufix.model.fleet_report import FleetReport
from gpufix.model.fleet_smoke import FleetSmoke

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED = ("rules", "fixes")
FAMILIES = {
    "GPU": "The GPU and its code",
    "TCH": "torch and the toolchain",
    "ABI": "C++ ABI",
    "SYM": "Symbols and libraries",
    "WHL": "Wheels",
    "SRC": "Project source",
    "JIT": "Caches and locks",
    "RUN": "Runtime settings",
    "KRN": "Smoke test",
    "NOD": "Nodes: hardware and driver",
    "NET": "Network and links between GPUs",
    "FLT": "Fleets of nodes",
    "DOC": "gpufix itself",
}
KINDS = {
    "safe": "safe: applied by `gpufix fix --apply`, undone by `gpufix undo`",
    "unsafe": "unsafe: needs your consent (`--unsafe`), undone by `gpufix undo`",
    "manual": "manual: printed, never run",
}

SCHEMAS = {
    "diagnosis": Diagnosis,
    "facts": Facts,
    "fleet": FleetReport,
    "fleet_smoke": FleetSmoke,
}


def pages() -> dict[Path, str]:
    """Every generated file and its content."""
    rules, fixes = builtin_rules(), builtin_fixes()
    out = {DOCS / "rules" / f"{rule.code}.md": rule_page(rule, fixes) for rule in rules}
    rows = [f"| [{r.code}]({r.code}.md) | {r.name} | {r.page.splitlines()[0]} |" for r in rules]
    head = "# Rules\n\n| code | name | what |\n| --- | --- | --- |\n"
    out[DOCS / "rules" / "index.md"] = head + "\n".join(rows) + "\n"
    out |= {DOCS / "fixes" / f"{fix.name}.md": fix_page(fix) for fix in fixes}
    rows = [f"| [{f.name}]({f.name}.md) | {title(f)} | {codes(f)} |" for f in fixes]
    head = "# Fixes\n\n| fix | what it does | answers to |\n| --- | --- | --- |\n"
    out[DOCS / "fixes" / "index.md"] = head + "\n".join(rows) + "\n"
    for name, model in SCHEMAS.items():
        out[DOCS / "schema" / f"{name}.json"] = json.dumps(schema(model), indent=1) + "\n"
    out[DOCS / "commands.md"] = command_pages.markdown()
    out[DOCS / "man" / "gpufix.1"] = command_pages.manual()
    out[DOCS / "architecture.md"] = drawn((DOCS / "architecture.md").read_text("utf-8"))
    base = (ROOT / "tools" / "mkdocs.base.yml").read_text(encoding="utf-8")
    out[ROOT / "mkdocs.yml"] = base + "\n".join(navigation(rules, fixes)) + "\n"
    return out


def schema(model: type[Model]) -> dict[str, Any]:
    """The JSON schema of a record as it is printed: without its inner fields."""
    whole = TypeAdapter(model).json_schema(mode="serialization")
    tables = {**whole["$defs"], model.__name__: whole}
    for kind in Model.__subclasses__():
        for hidden in (f.name for f in fields(kind) if "inner" in f.metadata):
            tables.get(kind.__name__, {"properties": {}})["properties"].pop(hidden, None)
    text = json.dumps(whole)
    whole["$defs"] = {n: t for n, t in whole["$defs"].items() if f'"#/$defs/{n}"' in text}
    return whole


def drawn(page: str) -> str:
    """The page with the floors of tools/floors.toml between its markers."""
    begin, end = "<!-- floors: written by tools/build_docs.py -->\n", "<!-- /floors -->"
    floors = tomllib.loads((ROOT / "tools" / "floors.toml").read_text("utf-8"))["floor"]
    head, tail = page.split(begin)[0], page.split(end)[1]
    return f"{head}{begin}\n```text\n{picture(floors)}\n```\n\n{end}{tail}"


def rule_page(rule: Rule, fixes: Sequence[Fix]) -> str:
    """The docstring, then the plans that answer to the rule."""
    mine = [f for f in fixes if rule.code in f.codes]
    links = ", ".join(f"[{f.name}](../fixes/{f.name}.md)" for f in mine)
    plans = f"\n## Plans\n{links}\n" if mine else ""
    return f"# {rule.code} {rule.name}\n\n{rule.page}\n{plans}"


def fix_page(fix: Fix) -> str:
    """What it does, how safe that is, and which rules it answers to."""
    kinds = "".join(f"- {KINDS[kind]}\n" for kind in safety(fix))
    head, page = _said(fix)
    return (
        f"# {fix.name}\n\n{head}\n\n## What it does\n{page}\n\n## Kind\n{kinds}\n"
        f"## Answers to\n{codes(fix)}\n"
    )


def title(fix: Fix) -> str:
    """The first sentence of its module, or its own where the module holds several."""
    return _said(fix)[0]


def _said(fix: Fix) -> tuple[str, str]:
    """(title, what it does)."""
    module, page = importlib.import_module(fix.plan.__module__), inspect.cleandoc(fix.page)
    if len(fixes_in(module)) == 1:
        head, rest = (module.__doc__ or "").strip().partition("\n\n")[0], page
    else:
        head, _, rest = page.partition("\n\n")
    return head.replace("\n", " "), rest or page


def codes(fix: Fix) -> str:
    """Links to the rules."""
    return ", ".join(f"[{code}](../rules/{code}.md)" for code in fix.codes)


def safety(fix: Fix) -> list[str]:
    """The kinds of plan that it can make, safest first: said in its module, or in those it uses."""
    found = set(_kinds(fix.plan.__module__, seen=set()))
    return [kind for kind in KINDS if kind in found]


def _kinds(module: str, seen: set[str]) -> Iterator[str]:
    if module in seen:
        return
    seen.add(module)
    file = importlib.import_module(module).__file__
    assert file
    own = []
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and node.value in KINDS:
            own.append(str(node.value))
        elif isinstance(node, ast.ImportFrom) and _is_shared(node.module or ""):
            own += _kinds(str(node.module), seen)
    yield from own


def _is_shared(module: str) -> bool:
    """Whether the plans of a fix may be made there."""
    apart = ("registry", "merge", "planner", "build_environment")
    return module.startswith("gpufix.fixes.") and module.split(".")[2] not in apart


def navigation(rules: Sequence[Rule], fixes: Sequence[Fix]) -> Iterator[str]:
    """The generated part of the site's navigation."""
    yield "  - Rules:"
    yield "      - rules/index.md"
    for family, words in FAMILIES.items():
        yield f"      - {words}:"
        own = (r for r in rules if r.code.startswith(family))
        yield from (f"          - {r.code} {r.name}: rules/{r.code}.md" for r in own)
    yield "  - Fixes:"
    yield "      - fixes/index.md"
    yield from (f"      - {f.name}: fixes/{f.name}.md" for f in fixes)


def main() -> int:
    """Write or check; prints what differs."""
    wanted = pages()
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text]
    stale += [p for folder in GENERATED for p in (DOCS / folder).glob("*.md") if p not in wanted]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)} (run `make docs`)")
        return 1 if stale else 0
    for path in stale:
        if path not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
