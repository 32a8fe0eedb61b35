"""WHL507: a package that is installed twice."""

from __future__ import annotations

import builders as b
import pytest
from rows import Fires, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.wheels.whl507_duplicate_install import duplicate_install
from gpufix.evidence.view import View
from gpufix.model import CondaPackage, Distribution
from gpufix.model.payload import DistributionFault

USER = "/home/u/.local/lib/python3.11/site-packages"
OFFER = ["drop-duplicate unsafe"]
FIRST = "Python takes the first"
UNTOLD = "whose files are there, the records do not tell"


def of(*dists: Distribution, condas: tuple[CondaPackage, ...] = (), base: str = "/env") -> View:
    """Of no virtual environment, unless another Python is its base."""
    python = b.python(base_prefix=base)
    return b.view(b.facts(python=python, distributions=[*dists], conda_packages=[*condas]))


def copy(version: str, name: str = "six", **more: object) -> Distribution:
    place = more.get("location", b.SITE)
    return b.dist(name, version, metadata=f"{place}/{name}-{version}.dist-info", **more)


def elsewhere(version: str, name: str = "six", **more: object) -> Distribution:
    return copy(version, name, location=USER, **more)


def fault(message: str, *evidence: str, name: str = "six") -> Fault:
    return Fault(
        WARNING,
        name,
        f"{name} is installed {message}.",
        evidence=evidence,
        payload=DistributionFault(name),
    )


def info(version: str, name: str = "six", place: str = b.SITE) -> str:
    return f"{place}/{name}-{version}.dist-info"


SIX = fault(
    f"twice: 1.16 (pip) in {b.SITE} and 1.15 (pip) in {b.SITE}; {UNTOLD}",
    info("1.16"),
    info("1.15"),
)
CONDA = {"name": "numpy", "source": "conda"}


def two_owners(name: str, pips: str, package: str, condas: str) -> Fault:
    return Fault(
        WARNING,
        name,
        f"{name} has two owners: pip, which installed {pips} in {b.SITE}, and conda, whose "
        f"{package} {condas} it replaced there.",
        evidence=(info(pips, name), f"/env/conda-meta/{package}.json"),
        payload=DistributionFault(name),
    )


SILENT = {
    "one copy": of(copy("1.16")),
    "two packages": of(copy("1.16"), copy("1.16", "seven")),
    "hidden in another folder, no GPU package": of(copy("1.16"), elsewhere("1.15")),
    "a virtual environment's own, before the user's": of(
        copy("2.9.0", "torch"), elsewhere("2.4.0", "torch"), base="/usr"
    ),
    "Debian's two descriptions of one install": of(copy("1.16"), copy("1.16", source="egg")),
    "conda's two descriptions of one install": of(
        copy("2.0", "numpy"), copy("2.0", location="/env", **CONDA)
    ),
    "conda's package and the distribution that it brought": of(
        copy("2.0", **CONDA), condas=(b.conda("numpy", "2.1"),)
    ),
    "conda's package of pip's version": of(copy("2.0", "numpy"), condas=(b.conda("numpy", "2.0"),)),
    "conda's packages only": of(condas=(b.conda("numpy", "2.0"), b.conda("Numpy", "2.1"))),
    "a package whose record names no distribution": of(
        copy("2.0", "numpy"), condas=(b.conda("numpy", "1.1", brings=[]),)
    ),
    "what conda brought lies there": of(
        copy("2.0", **CONDA), condas=(b.conda("numpy", "2.0", brings=["numpy"]),)
    ),
    "another package of conda's": of(copy("2.0", "numpy"), condas=(b.conda("scipy", "1.1"),)),
}

FIRING = {
    "two descriptions in one folder": Fires(of(copy("1.16"), copy("1.15")), SIX, offers=OFFER),
    "one, then two": Fires(
        of(copy("1.16", "seven"), copy("1.16"), copy("1.15")), SIX, offers=OFFER
    ),
    "Debian's, of two versions": Fires(
        of(copy("1.16"), copy("1.15", source="egg")),
        fault(
            f"twice: 1.16 (pip) in {b.SITE} and 1.15 (egg) in {b.SITE}; {UNTOLD}",
            info("1.16"),
            info("1.15"),
        ),
        offers=OFFER,
    ),
    "an egg of one version in another folder": Fires(
        of(copy("2.0", "numpy"), elsewhere("2.0", "numpy", source="egg")),
        fault(
            f"twice: 2.0 (pip) in {b.SITE} and 2.0 (egg) in {USER}; {FIRST}",
            info("2.0", "numpy"),
            info("2.0", "numpy", USER),
            name="numpy",
        ),
        offers=OFFER,
    ),
    "a copy in the user's folder": Fires(
        of(copy("2.9.0", "torch"), elsewhere("2.4.0", "torch")),
        fault(
            f"twice: 2.9.0 (pip) in {b.SITE} and 2.4.0 (pip) in {USER}; {FIRST}",
            info("2.9.0", "torch"),
            info("2.4.0", "torch", USER),
            name="torch",
        ),
        offers=OFFER,
    ),
    "the user's, before a virtual environment's own": Fires(
        of(elsewhere("2.4.0", "torch"), copy("2.9.0", "torch"), base="/usr"),
        fault(
            f"twice: 2.4.0 (pip) in {USER} and 2.9.0 (pip) in {b.SITE}; {FIRST}",
            info("2.4.0", "torch", USER),
            info("2.9.0", "torch"),
            name="torch",
        ),
        offers=OFFER,
    ),
    "a virtual environment's own, twice": Fires(
        of(copy("1.16"), copy("1.15"), base="/usr"), SIX, offers=OFFER
    ),
    "three copies, two of them in one folder": Fires(
        of(copy("3"), copy("2"), elsewhere("1")),
        fault(
            f"3 times: 3 (pip) in {b.SITE} and 2 (pip) in {b.SITE} and 1 (pip) in {USER}; {UNTOLD}",
            info("3"),
            info("2"),
            info("1", place=USER),
        ),
        offers=OFFER,
    ),
    "pip's over conda's": Fires(
        of(b.dist("numpy", "2.0"), condas=(b.conda("numpy", "1.26"),)),
        fault(
            f"twice: 2.0 (pip) in {b.SITE} and 1.26 (conda) in /env; {FIRST}",
            b.SITE,
            "/env/conda-meta/numpy.json",
            name="numpy",
        ),
    ),
    "pip's torch over conda's, which has another name": Fires(
        of(copy("2.9.0", "torch"), condas=(b.conda("pytorch", "2.4.0"),)),
        fault(
            f"twice: 2.9.0 (pip) in {b.SITE} and 2.4.0 (conda) in /env; {FIRST}",
            info("2.9.0", "torch"),
            "/env/conda-meta/pytorch.json",
            name="torch",
        ),
    ),
    "pip's over conda's, by conda's own record": Fires(
        of(copy("2.9.0", "torch"), condas=(b.conda("pytorch", "2.9.0", brings=["torch", "fun"]),)),
        two_owners("torch", "2.9.0", "pytorch", "2.9.0"),
        offers=["drop-duplicate manual"],
    ),
    "what is no GPU package has two owners, too": Fires(
        of(copy("1.16"), condas=(b.conda("python-six", "1.15", brings=["six"]),)),
        two_owners("six", "1.16", "python-six", "1.15"),
        offers=["drop-duplicate manual"],
    ),
    "conda's in an earlier folder than pip's": Fires(
        of(copy("2.0", **CONDA), elsewhere("1.26", "numpy")),
        fault(
            f"twice: 2.0 (conda) in {b.SITE} and 1.26 (pip) in {USER}; {FIRST}",
            info("2.0", "numpy"),
            info("1.26", "numpy", USER),
            name="numpy",
        ),
    ),
    "conda's own, twice": Fires(
        of(copy("2.0", **CONDA), copy("1.26", **CONDA)),
        fault(
            f"twice: 2.0 (conda) in {b.SITE} and 1.26 (conda) in {b.SITE}; {UNTOLD}",
            info("2.0", "numpy"),
            info("1.26", "numpy"),
            name="numpy",
        ),
    ),
    "an editable copy is not removed": Fires(
        of(copy("1.16"), copy("1.15", editable="/src/six")), SIX
    ),
}

test_silent, test_firing = rows(duplicate_install, SILENT, FIRING)


@pytest.mark.parametrize(
    "name",
    [
        "torch",
        "triton",
        "numpy",
        "xformers",
        "nvidia-nccl-cu12",
        "cupy-cuda12x",
        "jax",
        "flash-attn",
    ],
)
def test_a_hidden_copy_of_what_decides_what_loads(name: str) -> None:
    found = b.run(duplicate_install, of(copy("2", name), elsewhere("1", name)).facts)
    assert [f.subject for f in found] == [name]
