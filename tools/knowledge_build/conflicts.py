"""Python-level conflicts: versions that do not work together although metadata allows it."""

from __future__ import annotations

import re
from typing import Any

_OP = r"(?:==|>=|<=|<|>|~=)"
_SPEC = re.compile(rf"^(?:or )?([a-z][a-z0-9-]*)({_OP}[0-9.]+(?:,{_OP}[0-9.]+)*)")

# Rows of the table for which an import or a call raises; of the others only metadata tells.
RAISES = {
    "gradio-4.44.1-hffolder",
    "gradio-4.44.1-pydantic",
    "gradio-4.44.1-starlette",
    "transformers-is_offline_mode",
    "transformers4-hub1",
}

# Rows of the table that later reading widened.
WIDER = {
    "gradio-4.44.1-hffolder": {
        "id": "gradio-hffolder",
        "trigger": {"gradio": ">=4.16,<5.8", "huggingface-hub": ">=1.0"},
        "source": "4.44.1 tested; the import stands in the wheels of 4.16.0 to 5.7.0, "
        "not in 4.8.0 and 5.8.0",
    }
}


def _trigger(spec: str) -> str:
    """The table's shorthand as a PEP 440 specifier."""
    if spec == "*":
        return ""
    if found := re.fullmatch(r"(\d+)\.(\d+)-(\d+)\.(\d+)", spec):
        low, high = (found[1], found[2]), (found[3], int(found[4]) + 1)
        return f">={low[0]}.{low[1]},<{high[0]}.{high[1]}"
    if found := re.fullmatch(r"([\d.]+)\.x", spec):
        return f"=={found[1]}.*"
    return spec


def _remedy(text: str) -> dict[str, str] | None:
    found = _SPEC.match(text)
    return {found[1]: found[2]} if found else None


def _tested(text: str) -> str:
    """ "<1.0 (0.46.2-0.52.1)" names what ran in its parentheses: the first of it."""
    found = re.search(r"\(([0-9.]+)", text)
    return found[1] if found else text


def _caps(table: dict[str, Any]) -> Any:
    return {
        package: {
            other: [[row["from"], row["spec"]] for row in rows]
            for other, rows in deps.items()
            if not other.startswith("_")
        }
        for package, deps in table.items()
    }


def build(tables: Any) -> Any:
    table = tables("pypi_matrix")
    rows = []
    if unknown := RAISES - {row["id"] for row in table["conflicts"]}:
        raise ValueError(f"no row of the table has the id {', '.join(sorted(unknown))}")
    for row in table["conflicts"]:
        if "binary" in row["trigger"] or all(s == "*" for s in row["trigger"].values()):
            continue  # not a matter of versions: told from the binaries and from shared files
        rows.append(
            {
                "id": row["id"],
                "trigger": {name: _trigger(spec) for name, spec in row["trigger"].items()},
                "symptom": row["symptom"],
                "remedies": [r for r in map(_remedy, row["fix"]) if r],
                "declared": "resolver" in row["symptom"] or "unsatisfiable" in row["symptom"],
                "raises": row["id"] in RAISES,
                "source": row["evidence"],
            }
            | WIDER.get(row["id"], {})
        )
    good = table["known_good"]["gradio 4.44.1"]
    pins = {k: _tested(v) for k, v in good.items() if k not in ("python", "evidence")}
    return {
        "conflicts": rows,
        "known_good": {"gradio==4.44.1": pins},
        "caps": _caps(table["caps"]),
        "caps_source": "Requires-Dist of the releases named; a row holds from that version on",
    }
