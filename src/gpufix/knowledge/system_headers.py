"""The system's packages that hold headers which builds ask for and no wheel brings."""

from __future__ import annotations

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table


class HeaderPackage(Frozen):
    """`debian`, `conda`: the development package; conda None where conda-forge has none."""

    debian: str
    conda: str | None


def holding(header: str) -> HeaderPackage | None:
    """The package of a header as an #include names it: by its folder, else by its own name."""
    rows = table("system_headers")["headers"]
    at = max(
        (row for row in rows if header == row or header.startswith(_folder(row))),
        key=len,
        default=None,
    )
    return HeaderPackage(debian=rows[at][0], conda=rows[at][1]) if at else None


def _folder(row: str) -> str:
    return row if row.endswith("/") else f"{row}/"
