"""RECORD files follow when an installed file is edited, so that it does not read as damaged."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
from pathlib import Path

from gpufix.model import Facts

_LIMIT = 64 << 20


def records_of(path: str, facts: Facts) -> list[str]:
    """The RECORDs that list an installed file (several, when it is owned twice)."""
    found = []
    for dist in facts.distributions:
        record = f"{dist.metadata}/RECORD" if dist.metadata else ""
        if dist.source == "pip" and os.path.isfile(record) and not os.path.islink(record):
            name = _recorded_name(record, path)
            if name is not None and _row_number(_rows(record), name) is not None:
                found.append(os.path.realpath(record))
    return found


def with_row(record: str, path: str, data: bytes) -> bytes:
    """The RECORD's bytes with a new hash and size for `path`; every other line as it is."""
    lines = _rows(record)
    number = _row_number(lines, _recorded_name(record, path) or "")
    if number is None:
        return "".join(lines).encode("utf-8", "surrogateescape")
    ending = "\r\n" if lines[number].endswith("\r\n") else "\n"
    name = next(csv.reader([lines[number]]))[0]
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    row = io.StringIO()
    csv.writer(row, lineterminator=ending).writerow([name, f"sha256={digest}", str(len(data))])
    lines[number] = row.getvalue()
    return "".join(lines).encode("utf-8", "surrogateescape")


def _recorded_name(record: str, path: str) -> str | None:
    site = os.path.realpath(os.path.dirname(os.path.dirname(record)))
    return os.path.relpath(path, site)


def _rows(record: str) -> list[str]:
    with Path(record).open("rb") as file:
        text = file.read(_LIMIT).decode("utf-8", "surrogateescape")
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _row_number(lines: list[str], name: str) -> int | None:
    start, quoted = f"{name},", '"' + name.replace('"', '""') + '",'
    rows = (i for i, line in enumerate(lines) if line.startswith((start, quoted)))
    return next(rows, None)
