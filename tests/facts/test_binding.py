"""The NVML binding that is installed here (nvidia-ml-py), in whatever version."""

from __future__ import annotations

import re
from pathlib import Path

import pynvml

from gpufix.facts.machine import nvml


def test_the_binding_has_every_name_that_is_asked() -> None:
    asked = set(re.findall(r"nvml\.(nvml\w+|NVML\w+)", Path(nvml.__file__).read_text("utf-8")))
    assert len(asked) > 8
    assert {name for name in asked if not hasattr(pynvml, name)} == set()


def test_it_loads_from_its_file_and_says_what_is_there() -> None:
    found = nvml.survey(nvml.load(pynvml.__file__))
    assert found["error"] or found["driver"]
