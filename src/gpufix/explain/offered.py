"""What an installer says that it was offered: which Python, platform or index would have the version."""

from __future__ import annotations

import re
import sys

from gpufix.explain import torch_offered
from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import system_libraries, torch_releases
from gpufix.knowledge.data_table import numbers, table
from gpufix.text.names import normalise

_LISTED = re.compile(r"\(from versions: ([^)\n]{1,4000})")
_ASKED = re.compile(r"(?P<name>[A-Za-z][\w.-]{0,60})\s?==\s?(?P<version>\d[\w.+-]{0,40})")
_PYTHONS = re.compile(
    r"You're using [\w ]{0,20}?(?P<here>\d\.\d+)[^\n]{0,60}?but `(?P<name>[^`\n]{1,60})`[^\n]{0,60}?"
    r"Python (?:ABI|implementation) tags?: (?P<tags>[^\n]{1,400})"
)
_PLATFORMS = re.compile(
    r"You're on (?P<os>[\w ]{1,30}) \(`(?P<here>[\w.]{1,60})`\)[^\n]{0,20}?but `(?P<name>[^`\n]{1,60})`"
    r"[^\n]{0,60}?platforms?: (?P<tags>[^\n]{1,600})"
)
_CANDIDATES = re.compile(r"candidates for (?P<name>[\w.-]{1,60}) \((?P<version>[\w.+!-]{1,40})\)")
_MAC = re.compile(r"mac ?os|\bosx\b|darwin|/Users/|Homebrew|/Cellar/|\bmac\b", re.IGNORECASE)
_BARE = re.compile(
    r"satisfies the requirement (?P<name>[A-Za-z][\w.-]{0,60})[^\n(]{0,60}(?:\(from [^\n()]{1,80}\) )?\(from versions: (?P<listed>[^)\n]{1,2000})\)"
)
_DEVELOPED = re.compile(r"\.?dev\d*$")
_GLIBC = re.compile(r"manylinux_2_(\d+)_(\w+)")
_NONE = re.compile(r"requirement torch(?:vision|audio)?\s+\(from versions: none\)")
_NOTHING = (
    "pip found no torch for this Python on the index in use. Use a 64-bit Python of a version that torch has "
    "wheels for (`python -VV` shows which one runs), or name the index of the CUDA variant (--index-url). "
    "One package without a wheel (torchaudio) stops all others of the command: leave it out."
)
_LOCKED = (
    "The lock names a build that has no wheel for this system or Python. Give each system its index in tool.uv.sources (a "
    "marker such as sys_platform == 'linux'), with explicit = true on that [[tool.uv.index]], and lock again (`uv lock "
    "--upgrade-package NAME`). Or name the system in tool.uv.required-environments, or use a Python that the index lists."
)


_UNFILLED = re.compile(
    r"(?:requirement|distribution found for) (?P<name>[\w.-]{1,60}) ?[=<>!~]=?[\w.+-]{0,40}"
    r"(?:\$\{?|%|\{\{ ?)(?P<variable>[A-Za-z_][\w.]{0,40})"
)


def offered(explanation: Explanation, hit: Hit) -> Explanation:
    """The same with the remedy that the offered versions, Pythons or platforms point to."""
    around = context(hit, 1500, 3000)
    if unfilled := _UNFILLED.search(around):
        name, variable = unfilled["name"], unfilled["variable"]
        return explanation.but(
            what=f"The requirement of {name} holds the variable {variable}, and nobody filled it in.",
            do=f"Give {variable} its value where {name} is asked for: export it, pass it on (`--build-arg`), or write the value in its "
            f"place. Or leave {name} out there where it is installed.",
        )
    if hint := _PYTHONS.search(around):
        return explanation.but(
            what=f"{hint['name']} has no wheel for Python {hint['here']}.",
            do=_python(hint["name"], hint["here"], hint["tags"]),
        )
    if hint := _PLATFORMS.search(around):
        return _platform(explanation, hint)
    if "source distribution or wheel" in hit.shown:
        return explanation.but(do=_LOCKED)
    asked = _ASKED.search(hit.shown) or _ASKED.search(around)
    listed = _LISTED.search(around)
    if asked is None:
        if _NONE.search(around):
            return explanation.but(do=_NOTHING)
        bare = _BARE.search(around)
        return _of_range(explanation, bare, around) if bare else explanation
    torch = asked["name"].lower() == "torch"
    local = re.search(r"\+(cu\d{2,3}|cpu|rocm[\d.]+)$", asked["version"])
    if torch and local and (never := torch_offered.never_built(asked["version"], local[1])):
        return never.of(explanation)
    if torch and listed:
        seen = _releases(listed[1])
        if told := torch_offered.for_this_python(explanation, asked["version"], seen, around):
            return told
    if local:
        return explanation.but(do=torch_offered.on_its_index(asked["version"], local[1], around))
    if torch or listed is None:
        return explanation
    return explanation.but(
        what=_why(asked["name"], asked["version"], listed[1]) or explanation.what,
        do=_other(asked["name"], asked["version"], listed[1]),
    )


def _of_range(explanation: Explanation, bare: re.Match[str], around: str) -> Explanation:
    """Bounds, or none: the releases that pip sees, and on which side of the bounds they are."""
    name, seen = bare["name"], _releases(bare["listed"])
    asked = re.search(
        rf"requirement {re.escape(name)}(?:\[[\w,-]*\])?(?P<bounds>[<>=!~][^\s;(]{{1,60}})", around
    )
    do = _other(name, "", bare["listed"])
    if asked is None or not seen:
        instead = _OTHERWISE.get(normalise(name))
        none = f"{name} is {instead.partition(':')[0]}." if instead else _none(name)
        return explanation.but(what=explanation.what if seen else none, do=do)
    bounds = asked["bounds"]
    if (least := re.search(r">=?\s*([\d.]+)", bounds)) and numbers(least[1]) > numbers(seen[-1]):
        what = f"{name}{bounds} is asked for, and {name} {seen[-1]} is the newest that pip sees for this Python and system."
        return explanation.but(
            what=f"{what} Most often this Python is too old, or too new, for the newer ones.", do=do
        )
    return explanation.but(
        what=f"pip sees {name} {seen[0]} to {seen[-1]} for this Python and system, and none of them is within {bounds}. Wheels of those "
        "releases are for other Pythons, most often older ones.",
        do=f"A Python of the time of {name}{bounds}: `uv venv --python 3.10` (or 3.9, 3.11), and install again. Or {name} {seen[-1]} with a newer "
        f"release of what asks for {name}{bounds}.",
    )


def _none(name: str) -> str:
    return f"pip sees no {name} at all for this Python and system."


def _releases(listed: str) -> list[str]:
    return [one for one in re.findall(r"[\w.+!-]+", listed) if one[:1].isdigit()]


def _why(name: str, version: str, listed: str) -> str | None:
    """Why a release is not offered, as far as the ones that are offered tell."""
    seen = _releases(listed)
    if _DEVELOPED.search(version):
        return f"{name} {version} is a state of its sources, between releases: no index has it."
    if not seen:
        return _none(name)
    asked = numbers(version)
    if version in seen:
        return (
            f"{name} {version} is on the index, as sources or for another Python: here only wheels are taken (--only-binary, PIP_ONLY_BINARY), "
            "and none is for this Python and system."
        )
    if asked > numbers(seen[-1]):
        return (
            f"{name} {seen[-1]} is the newest that pip sees for this Python and system: {version} is for other Pythons or systems, or there is "
            "no such release."
        )
    if asked < numbers(seen[0]):
        return f"{name} {seen[0]} is the oldest that pip sees for this Python and system: {version} has wheels for older Pythons only."
    return (
        f"pip sees {name} before and after {version} and not {version} itself: there is no such release, or its wheels are for other Pythons "
        "(most often older ones)."
    )


def candidates(explanation: Explanation, hit: Hit) -> Explanation:
    """Poetry's: the Pythons that the release has wheels for, its index, and torch on a Mac with Intel."""
    found = _CANDIDATES.search(hit.shown)
    if found is None:
        return explanation
    name, version = found["name"], found["version"]
    public, _, local = version.partition("+")
    ways = []
    release = torch_releases.get(public) if name == "torch" else None
    tags = release.python_tags.get("linux_x86_64", ()) if release else ()
    pythons = [f"3.{tag[3:]}" for tag in tags if re.fullmatch(r"cp3\d+", tag)]
    if (
        _MAC.search(context(hit, 2000, 2000))
        and release
        and numbers(public) > torch_offered.LAST_INTEL_MAC
    ):
        ways.append(
            'on a Mac with Intel torch ends with 2.2.2: torch = "2.2.2" in pyproject.toml, then `poetry lock` (on Apple silicon a Python '
            "for arm64, not under Rosetta)"
        )
    has = f" (Python {pythons[0]} to {pythons[-1]} have {name} {public})" if pythons else ""
    fits = pythons[-1] if pythons else "3.11"
    ways.append(
        f"another Python, most often an older one{has}: `poetry env use {fits}` (`poetry env info` shows the one in use), then `poetry install`"
    )
    if local:
        ways.append(
            f"+{local} stands on torch's own index only, and not for every system: `poetry source add --priority explicit torch "
            f'{torch_offered.INDEX}/{local}`, with source = "torch" at {name}'
        )
    ways.append(f"another version of {name} in pyproject.toml, and `poetry lock`")
    first, *others = ways
    return explanation.but(do="; or ".join([f"{first[0].upper()}{first[1:]}", *others]) + ".")


_HINT = re.compile(r"hint: (?P<said>.{1,600}?)(?=\n\s*\n|\n\s*(?:hint|error|note|help):|\Z)", re.S)
_MARGIN = re.compile(r"\s*\n[\s│╰─▶×|]*|\s+")


def with_hint(explanation: Explanation, hit: Hit) -> Explanation:
    """The same with uv's own hint, which names the option or index, where no remedy was read from it."""
    around = context(hit, 0, 4000)
    found = _HINT.search(around)
    if found is None or _PYTHONS.search(around) or _PLATFORMS.search(around):
        return explanation
    return explanation.but(
        do=f"{explanation.do} uv's hint: {_MARGIN.sub(' ', found['said']).strip()}"
    )


def offered_with_hint(explanation: Explanation, hit: Hit) -> Explanation:
    """What the offer points to, and uv's own hint."""
    return with_hint(offered(explanation, hit), hit)


_WHEEL = re.compile(
    r"(?P<name>[\w.+-]{1,120}?)-cp3(?P<minor>\d{1,2})-\w{3,40}-(?P<platform>[a-z]\w{2,60})\.whl"
)


def wheel_tag(explanation: Explanation, hit: Hit) -> Explanation:
    """Which Python and platform the wheel's own name says it is for."""
    found = _WHEEL.search(hit.shown) or _WHEEL.search(context(hit, 400, 0))
    if found is None:
        return explanation
    python = f"Python 3.{found['minor']}"
    return explanation.but(
        what=f"The wheel is for {python} on {found['platform']}; this interpreter is another.",
        do=f"`python -VV` tells which Python runs: download the wheel whose name holds its tag (cp3…) in place of "
        f"cp3{found['minor']}, and this platform's; or run {python}.",
    )


_OTHER_PYTHON = re.compile(
    r"requires a different Python: (?P<here>[\d.]+) not in ['\"]?(?P<wants>[^'\"\n]{2,40})"
    r"|on Python version (?P<is>[\d.]+); only versions (?P<only>[^\s;]{2,40}) are supported"
    r"|Requires-Python (?P<ignored>[^\n;]{2,40})"
    r"|requires Python ?(?P<uv>[<>=!~][^\s;]{1,40}?)[;,]? but the running Python is (?P<runs>[\d.]+)"
    r"|resolved to Python (?P<resolved>[\d.]+), which is incompatible with the project's Python requirement: [`'](?P<project>[^`'\n]{2,40})"
)


def other_python(explanation: Explanation, hit: Hit) -> Explanation:
    """Which Python a package asks for, and which one ran."""
    found = _OTHER_PYTHON.search(context(hit, 0, 300))
    if found is None:
        return explanation
    told = found["wants"] or found["uv"] or found["only"] or found["ignored"] or found["project"]
    wants, here = (
        told.strip("."),
        found["here"] or found["runs"] or found["is"] or found["resolved"],
    )
    fits = newest_python(wants)
    is_here = f" (here is {here})" if here else ""
    return explanation.but(
        what=f"The package takes Python {wants}, and Python {here} runs."
        if here
        else explanation.what,
        do=f"Use a Python {wants}{is_here}: `uv venv --python {fits}`, `conda create -n new python={fits}`, or another "
        "version in that range; or another release of the package, which takes this Python.",
    )


def newest_python(wants: str) -> str:
    """The newest Python that bounds leave: "<3.12,>=3.9.0" is 3.11."""
    if most := re.search(r"<(=?)\s*3\.(\d+)", wants):
        return f"3.{int(most[2]) - (not most[1])}"
    if exact := re.search(r"==\s*3\.(\d+)", wants):
        return f"3.{exact[1]}"
    least = re.search(r">=?\s*3\.(\d+)", wants)
    return f"3.{max(12, int(least[1]))}" if least else "3.12"


# What is asked for by an old or another name -> what to take.
_OTHERWISE = {
    "decord": "built for Linux and Windows on x86-64 only: on a Mac with Apple silicon `pip install eva-decord`, a "
    "fork that is imported as decord, too.",
    "faiss-gpu": "no longer built under that name: `pip install faiss-gpu-cu12` (Linux), `faiss-cpu` anywhere, or conda (`conda install -c "
    "pytorch -c nvidia faiss-gpu`); or Python 3.10, for which 1.7.2 has a wheel.",
    "tensorflow-gpu": "tensorflow itself since 2.12: `pip install \"tensorflow[and-cuda]\"` (Linux), `tensorflow` elsewhere.",
    "mmcv-full": "mmcv since 2.0, and built for one torch: `pip install openmim && mim install mmcv` (or `mim install \"mmcv-full<2\"`), with a Python "
    "and a torch of its time.",
    "nvidia-tensorrt": "called tensorrt now: `pip install tensorrt`.",
    "pytorch": "called torch by pip: `pip install torch`.",
    "opencv": "called opencv-python by pip: `pip install opencv-python` (opencv-python-headless without a screen).",
    "bitsandbytes-windows": "not needed any more: `pip install -U bitsandbytes` has wheels for Windows.",
    "pyav": "called av: `pip install av`.",
    "sklearn": "called scikit-learn: `pip install scikit-learn`.",
}  # fmt: skip


_OF_HUGGING_FACE = {"accelerate", "datasets", "diffusers", "peft", "transformers", "trl"}
# What was a part of Python once.
_WAS_PYTHONS = {
    "distutils": " From 3.12 on `pip install setuptools` brings it.",
    "imp": " It is gone since 3.12: Python 3.11, or importlib.",
}


def _other(name: str, version: str, listed: str) -> str:
    """A package that is not torch: none at all for this Python, or other releases."""
    if listed.strip() == "none" and system_libraries.is_package(name):
        return f"{name} is a package of the system, not of PyPI: `apt install {name}`, and take it out of the requirements."
    if _DEVELOPED.search(version):
        source = (
            f"git+https://github.com/huggingface/{name.lower()}"
            if name.lower() in _OF_HUGGING_FACE
            else "git+ADDRESS"
        )
        near = version.rpartition(".dev")[0] or version
        return (
            f"`pip install {source}` installs the newest state of {name}'s sources; or take the release that followed ({name}=={near}, "
            "or a later one)."
        )
    if version and version in _releases(listed):
        return (
            f"`pip install --no-binary {name} {name}=={version}` (without --only-binary and PIP_ONLY_BINARY) builds it from its sources; or a Python "
            "that it has wheels for (3.10 or 3.11); or a later release."
        )
    if instead := _OTHERWISE.get(normalise(name)):
        return f"{name} is {instead}"
    if name == "jaxlib" and "+cuda" in version:
        return (
            f"jaxlib for CUDA of that time lies on JAX's own page: `pip install jaxlib=={version} -f https://storage.googleapis.com/jax-releases/"
            "jax_cuda_releases.html`, with a Python that the page has it for (another Python, most often an older one). What PyPI lists is for the CPU. "
            'Newer JAX brings CUDA from PyPI: `pip install -U "jax[cuda12]"`.'
        )
    if cupy := re.fullmatch(r"cupy-cuda(1[1-3])\d", normalise(name)):
        return (
            f"CuPy's wheels are named after the major CUDA only: `pip install cupy-cuda{cupy[1]}x`."
        )
    if listed.strip() == "none" and (name in sys.stdlib_module_names or name in _WAS_PYTHONS):
        brought = _WAS_PYTHONS.get(name, "")
        return f"{name} is a part of Python itself, and no package of PyPI: take it out of the requirements.{brought}"
    other = table("import_names")["names"].get(name)
    if listed.strip() == "none" and other and normalise(other.split()[0]) != normalise(name):
        return f"{name} is the name that is imported; pip calls it `{other}`: write that in the requirements."
    if listed.strip() == "none" and other and " -f " in other:
        return (
            f"Only its project's page has {name}, for chosen releases of torch, CUDA and Python: `pip install {other}`, of the torch that is installed. Where "
            f"that page has none for this Python: another Python, or another torch. Else build it (--no-build-isolation), or leave {name} out."
        )
    if listed.strip() == "none":
        return (
            f"Where --index-url, --no-index or -f was given, that page does not have it: `pip install {name}` first, from PyPI. Else pip sees no {name} for this Python and system. Most packages for the GPU have wheels for Python 3.9 to 3.12, "
            f"64 bit, on Linux and Windows (`python -VV` shows which one runs). Else take the index or page that {name}'s "
            "installation notes name (--index-url, --extra-index-url, -f)."
        )
    seen = _releases(listed)
    if not seen:
        return f"Take a release of {name} that pip lists (loosen the pin), another Python, or the index that has it."
    last, wanted = seen[-1], f" {version}" if version else ""
    near = _nearest(version, seen)
    take = (
        f"`{name}=={near}`, the nearest, or `{name}=={last}`"
        if near != last
        else f"`{name}=={last}`"
    )
    return (
        f"pip sees {name} up to {last} for this Python and system: take {take} (loosen the pin). Or take another Python "
        f"(3.10 to 3.12) for which{wanted or ' the newer one'} has wheels, or the index that has it."
    )


def _nearest(version: str, seen: list[str]) -> str:
    """Of the releases listed the next one of the same minor version; else the first after it; else the last."""
    asked = numbers(version) if version else ()
    after = (
        [one for one in seen if numbers(one) > asked and not re.search(r"[a-z]", one)]
        if asked
        else []
    )
    return after[0] if after else seen[-1]


def _python(name: str, here: str, tags: str) -> str:
    has = sorted({f"{t[0]}.{t[1:]}" for t in re.findall(r"cp(\d{2,3})\b", tags)}, key=numbers)
    one = f"{has[0]} to {has[-1]}" if len(has) > 1 else has[0] if has else "another"
    return (
        f"Use a Python that {name} has wheels for ({one}; here is {here}): `uv venv --python "
        f"{has[-1] if has else '3.12'}`, or requires-python in the project; or a release with wheels for it."
    )


def _platform(explanation: Explanation, hint: re.Match[str]) -> Explanation:
    here, name = _GLIBC.search(hint["here"]), hint["name"]
    wanted = sorted(
        int(number)
        for number, machine in _GLIBC.findall(hint["tags"])
        if here and machine == here[2]
    )
    if here and wanted and int(here[1]) < wanted[0]:
        return explanation.but(
            f"The wheel wants glibc 2.{wanted[0]}; uv takes this system for glibc 2.{here[1]}.",
            rule="ABI302",
            what=f"{name} has no wheel for a glibc as old as this system's.",
            do=f"Use a system (or container) with glibc 2.{wanted[0]} or newer, or an older {name}. Where "
            "the system has been updated since, `uv sync --refresh`: uv keeps what it knows of an interpreter.",
        )
    only = ", ".join(re.findall(r"\w+", hint["tags"].partition(";")[0]))
    return explanation.but(
        role="cause",
        what=f"{name} has no wheel for {hint['os']}, and nothing to build: its wheels are for {only}.",
        do=f"{name} has no wheel for {hint['os']}. Take the index that has one (tool.uv.sources, with a "
        f"marker for the platform) or a release that has one; or leave {name} out there by a marker "
        "(sys_platform).",
    )
