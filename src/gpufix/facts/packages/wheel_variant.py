"""variant.json of a .dist-info: as which variant a wheel was built (PEP 825, a draft of 2026)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gpufix.facts.reading import read_whole
from gpufix.files import Folder
from gpufix.model import WheelVariant

_LIMIT = 1 << 17  # bytes
_PROPERTIES = 500
_LABEL = re.compile(r"[0-9a-z_.]{1,128}")
_KEY = re.compile(r"[0-9a-z_]{1,128}")
# The drafts are 0.x; a reader must refuse a major version that it does not know.
_SCHEMA = re.compile(r"/v([01])\.\d+\.\d+\.json")


def read_variant(dir_fd: Folder) -> WheelVariant:
    """The variant that a `.dist-info` folder names. Raises OSError, ValueError."""
    try:
        data = json.loads(read_whole("variant.json", _LIMIT, dir_fd).decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(data, dict) or not _SCHEMA.search(str(data.get("$schema"))[-200:]):
        raise ValueError("no schema of a version that is known")
    variants = data.get("variants")
    if not isinstance(variants, dict) or len(variants) != 1:
        raise ValueError("not one variant")
    label, namespaces = next(iter(variants.items()))
    properties = sorted(_properties(namespaces))
    if not _LABEL.fullmatch(label) or len(properties) > _PROPERTIES:
        raise ValueError("no usable label, or too many properties")
    return WheelVariant(label=label, properties=properties)


def _properties(namespaces: object) -> Iterator[str]:
    for namespace, features in _table(namespaces):
        for feature, values in _table(features):
            if not isinstance(values, list) or not values:
                raise ValueError(f"no values of {namespace} :: {feature}")
            for value in values:
                if not isinstance(value, str) or not _LABEL.fullmatch(value):
                    raise ValueError(f"no usable value of {namespace} :: {feature}")
                yield f"{namespace} :: {feature} :: {value}"


def _table(found: object) -> Iterator[tuple[str, object]]:
    if not isinstance(found, dict):
        raise ValueError("its variant is no table of namespaces and features")
    for key, value in found.items():
        if not _KEY.fullmatch(key):
            raise ValueError("no usable name of a namespace or feature")
        yield key, value
