"""The base of every record in the vocabulary, and its way to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_type_hints

from gpufix.frozen import Frozen, dataclass_transform

if TYPE_CHECKING:
    from pydantic import TypeAdapter

INNER = {"inner": True}  # metadata of a field that is no part of the JSON


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class Model(Frozen):
    """A frozen record, made by keyword. mypy holds it to its types; what is read, `from_json`."""

    _keywords = True
    # Unknown fields are an error: a facts file from elsewhere is untrusted.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


M = TypeVar("M", bound=Model)


def is_own(module: str) -> bool:
    """Whether a module is gpufix's, so that mypy has seen what it makes: a third party's is read."""
    return module.partition(".")[0] == "gpufix"


class Invalid(ValueError):
    """JSON that is no record of its kind. `where` is the way to the value: "gpus.0.name"."""

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"{where}: {reason}")


def to_json(value: Any) -> Any:
    """A record, or what holds some, as JSON values: a table of its fields, without inner ones."""
    if isinstance(value, Model):
        outer = (f.name for f in fields(value) if "inner" not in f.metadata)
        return {name: to_json(getattr(value, name)) for name in outer}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def from_json(kind: type[M], data: object) -> M:
    """The record of a kind that JSON values say. Raises Invalid."""
    from pydantic import ValidationError

    adapter: TypeAdapter[M] = _adapter(kind)  # type: ignore[arg-type]  # not Hashable, it says
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(".".join(map(str, first["loc"])), first["msg"]) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    own = [each for each in Model.__subclasses__() if is_own(each.__module__)]
    for each in own:  # pydantic 2.0 looks for an annotation's names in this module, not in theirs
        hints = get_type_hints(each, include_extras=True)
        for declared in fields(each):
            declared.type = hints[declared.name]
    return TypeAdapter(kind)
