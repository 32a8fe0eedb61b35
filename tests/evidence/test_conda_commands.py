"""MatchSpecs as conda's metadata writes them, and the commands of the program that manages a prefix."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.evidence import conda
from gpufix.evidence.conda import MatchSpec, match_spec
from gpufix.model import CondaPrefix, Driver, Facts

ROWS = {
    "libgcc": MatchSpec("libgcc"),
    "libgcc >=13": MatchSpec("libgcc", ">=13"),
    "forge::libgcc >=13": MatchSpec("libgcc", ">=13"),
    "https://conda.example/forge::libgcc": MatchSpec("libgcc"),
    "python_abi 3.11.* *_cp311": MatchSpec("python_abi", "3.11.*", "*_cp311"),
    "_openmp_mutex >=4.5": MatchSpec("_openmp_mutex", ">=4.5"),
    "jpeg >=9e,<10a": MatchSpec("jpeg", ">=9e,<10a"),
    "__glibc >=2.17,<3.0.a0": MatchSpec("__glibc", ">=2.17,<3.0.a0"),
    "numpy[version='>=1']": None,
    "b >=1; if linux": None,
    "-rf": None,
    "": None,
}


@pytest.mark.parametrize("row", ROWS)
def test_match_spec(row: str) -> None:
    assert match_spec(row) == ROWS[row]


def test_the_machines_facts_are_no_packages() -> None:
    assert MatchSpec("__cuda").is_virtual and not MatchSpec("_openmp_mutex").is_virtual
    assert str(MatchSpec("python_abi", "3.11.*", "*_cp311")) == "python_abi 3.11.* *_cp311"


def managed(by: CondaPrefix | None) -> Facts:
    return b.facts(python=b.python(kind="conda", prefix="/my env"), conda=by)


PIXI = CondaPrefix(program="pixi", manifest="/w/pixi.toml", environment="gpu")
COMMANDS = {
    "conda": (
        None,
        "conda install --prefix '/my env' 'libgcc >=13'",
        "conda install --prefix '/my env' --force-reinstall numpy=2.2.0 mkl",
    ),
    "mamba": (
        CondaPrefix(program="mamba"),
        "mamba install --prefix '/my env' 'libgcc >=13'",
        "mamba install --prefix '/my env' --force-reinstall numpy=2.2.0 mkl",
    ),
    "pixi": (
        PIXI,
        "pixi add --manifest-path /w/pixi.toml 'libgcc >=13'",
        "pixi reinstall --manifest-path /w/pixi.toml --environment gpu numpy mkl",
    ),
    "a pixi whose marker cannot be read": (
        CondaPrefix(program="pixi"),
        "pixi add 'libgcc >=13'",
        "pixi reinstall numpy mkl",
    ),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_commands(case: str) -> None:
    by, add, again = COMMANDS[case]
    assert conda.add(managed(by), ["libgcc >=13"]) == add
    assert conda.reinstall(managed(by), {"numpy": "2.2.0", "mkl": ""}) == again


def test_a_channel_is_named_where_no_manifest_does() -> None:
    assert "--channel conda-forge a" in conda.add(managed(None), ["a"], "conda-forge")
    assert conda.add(managed(PIXI), ["a"], "conda-forge").endswith("/w/pixi.toml a")


@pytest.mark.parametrize(
    ("drivers", "cuda", "said"),
    [
        ([], "12.9", "CONDA_OVERRIDE_CUDA=12.9 "),
        ([], None, ""),
        ([Driver(vendor="amd")], "12.9", "CONDA_OVERRIDE_CUDA=12.9 "),
        ([Driver(vendor="nvidia", version="580.95.05", cuda="13.0")], "12.9", ""),
    ],
)
def test_a_driver_that_conda_does_not_see(
    drivers: list[Driver], cuda: str | None, said: str
) -> None:
    assert conda.override(b.facts(drivers=drivers), cuda) == said
