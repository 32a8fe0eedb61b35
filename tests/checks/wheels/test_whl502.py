"""WHL502: a file with two owners."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest
from rows import Fires, rows

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.wheels.whl502_file_owned_twice import file_owned_twice
from gpufix.evidence.view import View
from gpufix.model import Distribution, SharedFile
from gpufix.model.payload import FileOwners

CV = "cv2/cv2.abi3.so"
GUI = b.dist("opencv-python", "4.10")
HEADLESS = b.dist("opencv-python-headless", "4.9")
USER = b.dist("rembg", requires=["opencv-python-headless"])


def shared(path: str = CV, holder: str | None = "opencv-python", **more: object) -> SharedFile:
    base = {"owners": ["opencv-python-headless", "opencv-python"], "differ": True}
    return SharedFile(path=path, holder=holder, **(base | more))


def of(*files: SharedFile, dists: tuple[Distribution, ...] = (GUI, HEADLESS)) -> View:
    return b.view(b.facts(distributions=[*dists], shared_files=[*files]))


def fault(
    message: str,
    *files: SharedFile,
    owners: tuple[str, ...] = ("opencv-python", "opencv-python-headless"),
) -> Fault:
    return Fault(
        WARNING,
        " / ".join(owners),
        message,
        evidence=tuple(f"{f.path}: held by {f.holder or 'unknown'}" for f in files[:20]),
        breaks=tuple(f"shared:{f.path}" for f in files),
        needs=tuple(f"collision:{owner}" for owner in owners),
        payload=FileOwners(owners),
    )


BOTH = "opencv-python and opencv-python-headless both own"
MANY = [shared(f"cv2/{i:02}.py") for i in range(21)]
IDLE = ("tests", "test", "docs", "doc", "examples", "benchmarks", "scripts", "bin")

CONTRIB = b.dist("opencv-contrib-python", "4.10", metadata="/contrib")
PLAIN = b.dist("opencv-python", "4.10", metadata="/plain")
ONE_WHOLE = ("opencv-contrib-python", "opencv-python")


def recorded(**code: tuple[str, ...]) -> View:
    """Two OpenCV that nothing requires, with the code that each records."""
    files = [shared(owners=[*ONE_WHOLE])]
    answers = {f"recorded-code:/{name}": list(rows) for name, rows in code.items()}
    return b.view(b.facts(distributions=[CONTRIB, PLAIN], shared_files=files, answers=answers))


NVML = b.dist("nvidia-ml-py", "12.575.51")
OLD_NVML = b.dist("pynvml", "11.5.3")
HIDDEN = SharedFile(
    path="pynvml.py",
    owners=["nvidia-ml-py", "pynvml"],
    differ=True,
    holder="pynvml",
    behind="pynvml/__init__.py",
)
HIDES = Fault(
    WARNING,
    "nvidia-ml-py / pynvml",
    "`import pynvml` takes pynvml/__init__.py of pynvml 11.5.3, which hides pynvml.py of nvidia-ml-py 12.575.51.",
    breaks=("shared:pynvml.py",),
    needs=("collision:nvidia-ml-py", "collision:pynvml"),
    payload=FileOwners(("nvidia-ml-py", "pynvml")),
)

SILENT = {
    "nothing is shared": of(),
    "equal bytes": of(shared(differ=False)),
    "package markers only": of(shared("a/__init__.py"), shared("b/__init__.py")),
    "a licence": of(shared("cv2/LICENSE")),
    "a script's library": of(shared("cv2/bin/x.so")),
    **{f"{folder}/": of(shared(f"{folder}/a.py")) for folder in IDLE},
}

FIRING = {
    "a library": Fires(
        of(shared()), fault(f"{BOTH} {CV}; the bytes there are opencv-python's.", shared())
    ),
    "nobody's bytes": Fires(
        of(shared(holder=None)),
        fault(
            f"{BOTH} {CV}; the bytes there are none of theirs, or are not known.",
            shared(holder=None),
        ),
    ),
    "it is gone": Fires(
        of(shared(holder="missing")),
        fault(f"{BOTH} {CV}; cv2.abi3.so is missing now.", shared(holder="missing")),
    ),
    "one of them is required": Fires(
        of(shared(), dists=(GUI, HEADLESS, USER)),
        fault(f"{BOTH} {CV}; the bytes there are opencv-python's.", shared()),
        offers=["restore-owner safe"],
    ),
    "one of them is required, and somebody asked for the other": Fires(
        of(shared(), dists=(replace(GUI, requested=True), HEADLESS, USER)),
        fault(f"{BOTH} {CV}; the bytes there are opencv-python's.", shared()),
        offers=["restore-owner unsafe"],
    ),
    "one of them is for GPUs": Fires(
        of(
            shared(
                owners=["faiss-cpu", "faiss-gpu"], holder="faiss-cpu", path="faiss/_swigfaiss.so"
            ),
            dists=(b.dist("faiss-cpu", "1.7.4"), b.dist("faiss-gpu", "1.7.2")),
        ),
        fault(
            "faiss-cpu and faiss-gpu both own faiss/_swigfaiss.so; the bytes there are faiss-cpu's.",
            shared(holder="faiss-cpu", path="faiss/_swigfaiss.so"),
            owners=("faiss-cpu", "faiss-gpu"),
        ),
        offers=["keep-one safe"],
    ),
    "none is required, and one has all modules": Fires(
        recorded(contrib=(CV, "cv2/ximgproc/__init__.pyi"), plain=(CV,)),
        fault(
            f"opencv-contrib-python and opencv-python both own {CV}; the bytes there are opencv-python's.",
            shared(),
            owners=ONE_WHOLE,
        ),
        offers=["restore-owner unsafe"],
    ),
    "none is required, and each has modules of its own": Fires(
        recorded(contrib=(CV, "cv2/ximgproc/__init__.pyi"), plain=(CV, "cv2/a.py")),
        fault(
            f"opencv-contrib-python and opencv-python both own {CV}; the bytes there are opencv-python's.",
            shared(),
            owners=ONE_WHOLE,
        ),
    ),
    "a package hides a module that has moved": Fires(
        of(HIDDEN, dists=(NVML, OLD_NVML)), HIDES, offers=["restore-owner unsafe"]
    ),
    "somebody requires the release that hides it": Fires(
        of(HIDDEN, dists=(NVML, OLD_NVML, b.dist("monitor", requires=["pynvml<12"]))), HIDES
    ),
    "conda's is required": Fires(
        of(shared(), dists=(GUI, b.dist("opencv-python-headless", source="conda"), USER)),
        fault(f"{BOTH} {CV}; the bytes there are opencv-python's.", shared()),
    ),
    "two files, the library first": Fires(
        of(shared("cv2/a.py", None), shared("cv2/__init__.py"), shared()),
        fault(
            f"{BOTH} {CV} (and 2 more files); of these, 2 are opencv-python's, 1 is nobody's.",
            shared(),
            shared("cv2/__init__.py"),
            shared("cv2/a.py", None),
        ),
    ),
    "each file's holder is told": Fires(
        of(
            shared("a.h"),
            shared("b.h", "opencv-python-headless"),
            shared("c.h", "opencv-python-headless"),
            shared("d.h", "missing"),
        ),
        fault(
            f"{BOTH} a.h (and 3 more files); of these, 2 are opencv-python-headless's, "
            "1 is opencv-python's, 1 is missing.",
            shared("a.h"),
            shared("b.h", "opencv-python-headless"),
            shared("c.h", "opencv-python-headless"),
            shared("d.h", "missing"),
        ),
    ),
    "of many files twenty are shown": Fires(
        of(*reversed(MANY)),
        fault(f"{BOTH} cv2/00.py (and 20 more files); the bytes there are opencv-python's.", *MANY),
    ),
    "three owners, and a pair among them": Fires(
        of(shared("x.h", owners=["c", "a", "b"], holder="c"), shared("y.h", owners=["b", "a"])),
        [
            fault(
                "a and b both own y.h; the bytes there are opencv-python's.",
                shared("y.h"),
                owners=("a", "b"),
            ),
            fault(
                "a and b and c all own x.h; the bytes there are c's.",
                shared("x.h", "c"),
                owners=("a", "b", "c"),
            ),
        ],
    ),
    "package markers, then more": Fires(
        of(shared("a/__init__.py", owners=["a", "b"]), shared("x.h", owners=["b", "c"])),
        fault(
            "b and c both own x.h; the bytes there are opencv-python's.",
            shared("x.h"),
            owners=("b", "c"),
        ),
    ),
    "a marker and one more file": Fires(
        of(shared("a/__init__.py"), shared("a/x.py")),
        fault(
            f"{BOTH} a/__init__.py (and 1 more file); the bytes there are opencv-python's.",
            shared("a/__init__.py"),
            shared("a/x.py"),
        ),
    ),
}

test_silent, test_firing = rows(file_owned_twice, SILENT, FIRING)


@pytest.mark.parametrize("name", ["x.so.12", "x.py", "x.h", "x.cuh", "x.hpp", "x.bc"])
def test_what_counts_as_code(name: str) -> None:
    assert len(b.run(file_owned_twice, b.facts(shared_files=[shared(f"tester/{name}")]))) == 1
