"""JSON files that users hand in: bounded, and refused with the place that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from gpufix.model.base import Model

M = TypeVar("M", bound=Model)


def read(path: Path, kind: type[M], name: str, limit: int, wrong: type[ValueError]) -> M:
    """A record of `kind`. Raises `wrong` for what is no `name` (a noun: "facts file") or larger
    than `limit` bytes, OSError if unreadable."""
    if path.is_file() and path.stat().st_size > limit:
        raise wrong(f"{path}: larger than any {name} ({limit >> 20} MiB)")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise wrong(f"{path}: not a {name}: {where}: {first['msg']}") from None
