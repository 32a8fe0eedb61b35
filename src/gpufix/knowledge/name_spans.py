"""Which releases of a package have a name, an attribute, an argument: what to install for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import table


class Span(Frozen):
    """The releases that have a name, "" where that end is open. `without`: the one after `last`."""

    first: str
    last: str
    without: str

    @property
    def bounds(self) -> str:
        """As pip writes it: ">=4.36.2,<5.0.0"."""
        return ",".join(
            filter(None, [self.first and f">={self.first}", self.last and f"<{self.without}"])
        )

    @property
    def words(self) -> str:
        """For a reader: "from 4.36.2 up to 4.57.1"."""
        return " ".join(
            filter(None, [self.first and f"from {self.first}", self.last and f"up to {self.last}"])
        )

    @property
    def outside(self) -> str:
        """The releases that do not have it, as pip writes them: "<0.14.0"; the later ones first."""
        return (self.last and f">={self.without}") or f"<{self.first}"


@cache
def _names(package: str) -> Mapping[str, Span]:
    rows = table("name_history")["packages"].get(package, ())
    return {
        name: Span(row.get("first", ""), row.get("last", ""), row.get("without", ""))
        for row in rows
        for name in row["names"].split()
    }


def span(package: str, name: str) -> Span | None:
    """Of `DynamicCache`, `DynamicCache.get_max_length`, `Trainer(tokenizer)`, `model:qwen3`; None: not known."""
    return _names(package).get(name)


def source() -> str:
    """The wheels that were read."""
    return str(table("name_history")["source"])


def of_model(name: str) -> Span | None:
    """Of a class of a model, by the model that it is named after: Qwen3ForCausalLM came with qwen3."""
    plain = name.lower()
    types = [one[6:] for one in _names("transformers") if one.startswith("model:")]
    after = [one for one in types if plain.startswith(re.sub(r"[_-]", "", one))]
    return span("transformers", f"model:{max(after, key=len)}") if after else None


def askers(package: str, name: str) -> Mapping[str, Span]:
    """The packages whose import wants that name, with their releases that do."""
    rows = table("name_history")["askers"].get(f"{package}:{name}", {})
    return {asker: Span(*row) for asker, row in rows.items()}


def renamed(owner: str, argument: str) -> str | None:
    """What an argument of a class is called now; of no class where that is not told ("")."""
    names: dict[str, str] = table("name_history")["renamed"]
    for old, new in names.items():
        if f"{owner}({argument})".endswith(old) or (not owner and old.endswith(f"({argument})")):
            return new
    return None


def package_of(owner: str) -> str | None:
    """The package of a class whose attributes or arguments are recorded."""
    packages: dict[str, object] = table("name_history")["packages"]
    for package in packages:
        if any(name.startswith((f"{owner}.", f"{owner}(")) for name in _names(package)):
            return package
    return None
