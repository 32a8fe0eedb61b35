"""Two versions of cuDNN: which one is asked for, and who asks."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit

_COMPILED = re.compile(
    r"(?:source was compiled with|compiled against|JAX was built against version)\W{0,3}(?P<built>\d+[.,]? ?\d+[.,]? ?\d*)"
)
_JAX = re.compile(r"\bjax|xla|cuda_dnn\.cc|tensorflow|stream_executor", re.IGNORECASE)
_PARTS = re.compile(r"SUBLIBRARY_(?:VERSION_MISMATCH|LOADING_FAILED)")


def mismatch(explanation: Explanation, hit: Hit) -> Explanation:
    """The version to install, or the copy to take away."""
    around = context(hit, 1500, 1500)
    found = _COMPILED.search(around)
    built = ".".join(re.findall(r"\d+", found["built"])) if found else ""
    if _JAX.search(around):
        at_least = f'`pip install -U "nvidia-cudnn-cu12>={built}"`' if built else "the cuDNN wheel"
        return explanation.but(
            do=f"Install the cuDNN that the program was built with or a newer one of its major: {at_least} (-cu13 "
            "beside CUDA 13). Take other copies (conda's, the system's) off LD_LIBRARY_PATH."
        )
    if _PARTS.search(around):
        return explanation.but(
            do="Parts of two cuDNN releases are mixed. Uninstall the system's or conda's cuDNN of the other version, "
            "or take its folder off LD_LIBRARY_PATH and PATH. Then reinstall the nvidia-cudnn wheel that torch pins."
        )
    wanted = f" (cuDNN {built})" if built else ""
    return explanation.but(
        do=f"Unset LD_LIBRARY_PATH, or reinstall the nvidia-cudnn wheel that torch pins{wanted}; uninstall the copy of "
        "the system or conda where another program does not need it."
    )


_TIED = re.compile(
    r"(?:[Uu]sing|[Ss]ince|[Aa]fter (?:up(?:grading|dating)|the update) to|[Uu]p(?:grading|dating) to) (?P<name>[A-Za-z][\w.-]{1,30}) v?(?P<version>\d+(?:\.\d+){1,3})"
    r"[^\n]{0,20}? (?:leads to|causes|breaks|results in|gives|fails)"
)
_PYTHON = re.compile(r"\btorch\b|\.py\b|python|tensorflow|\bjax\b", re.IGNORECASE)


def status(explanation: Explanation, hit: Hit) -> Explanation:
    """A report that ties the failure to a release is helped by the one before it."""
    around = context(hit, 1500, 1500)
    found = _TIED.search(around)
    if found is None:
        return explanation
    name, version = found["name"], found["version"]
    others = f" {explanation.do}" if _PYTHON.search(around) else ""
    return explanation.but(
        what=f"A cuDNN call failed, and the text ties that to {name} {version}: that release, or the cuDNN that it brings, does not go with this GPU, "
        "driver or program.",
        do=f"The release of {name} before {version}, with the older cuDNN that it brings (or hold cuDNN itself at the older release).{others}",
    )


# cuDNN 8 is in parts, and its first library opens the others by name: so says whatever uses it.
_PART = re.compile(
    r"Could not load library (?P<file>cudnn_\w{2,20}64_(?P<major>\d)\.dll)(?:\. Error code (?P<code>\d{1,4}))?"
)
_WHY = {
    "126": "it, or a DLL that it needs, is not found",
    "127": "it lacks a function that another part asks for, so parts of two releases are mixed",
    "193": "it is not of 64 bit",
    "1114": "its start-up failed",
    "1455": "the paging file is too small for it",
}


def part(explanation: Explanation, hit: Hit) -> Explanation | None:
    """A part of cuDNN on Windows, and why it does not load."""
    found = _PART.search(hit.shown)
    if found is None:
        return None
    major = found["major"]
    why = _WHY.get(found["code"] or "126", "it does not load")
    other = (
        " Or a CTranslate2 for another cuDNN: 4.5 and newer take cuDNN 9."
        if "whisper" in context(hit).lower() or "ctranslate2" in context(hit).lower()
        else ""
    )
    return explanation.but(
        id="cudnn-part-missing",
        rule="SYM403" if found["code"] == "127" else "SYM402",
        what=f"cuDNN {major} opens its parts by name: {found['file']} is not loaded, as {why}.",
        do=f"Keep all DLLs of one cuDNN {major} release, for the CUDA in use, in one folder that stands first on PATH. `where {found['file']}` shows each copy; "
        f"pip's nvidia-cudnn-cu12 (cu11) has them in its bin folder. cuDNN 8 wants zlibwapi.dll as well.{other}",
    )
