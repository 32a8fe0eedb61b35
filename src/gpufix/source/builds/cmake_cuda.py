"""CUDA in CMake: the language's architectures, FindCUDA, CUDAToolkit, and torch's own CMake files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from gpufix.source.builds.cmake_conditions import compared
from gpufix.source.builds.cmake_languages import (
    ARCHITECTURES,
    compiler,
    enable,
    has_toolkit,
    release,
)
from gpufix.source.builds.cmake_state import Call, CMakeState, Flow
from gpufix.source.builds.cmake_store import MISSING, Value, unknown, value
from gpufix.source.builds.cmake_words import elements
from gpufix.source.builds.python_prints import Printed, printed
from gpufix.source.builds.run import UNKNOWN_PART, Question

LIST = "TORCH_CUDA_ARCH_LIST"
_VARIABLES = ("CUDA_NVCC_FLAGS", "CUDA_PROPAGATE_HOST_FLAGS", "CUDA_SEPARABLE_COMPILATION")


def asks_gpu(run: CMakeState) -> None:
    """What the GPUs of the machine decide."""
    run.asked.setdefault(("gpu", "gpu"), Question("gpu", "visible GPUs", run.here))


def selected(run: CMakeState, archs: Sequence[str]) -> str:
    """cuda_select_nvcc_arch_flags(): flags for 7.5, 8.6+PTX; names and detection are not known."""
    flat = [part for text in archs for part in re.split(r"[;\s]+", text) if part]
    if not flat or flat == ["Auto"]:
        asks_gpu(run)
        seen = run.world.capabilities
        if not run.world.gpu or not seen:
            return UNKNOWN_PART
        flat = [f"{major}.{minor}" for major, minor in seen]
    cubins, ptx = [], []
    for part in dict.fromkeys(flat):
        found = re.fullmatch(r"(\d+)\.(\d[af]?)(?:\((\d+)\.(\d)\))?(\+PTX)?", part)
        if found is None:
            return UNKNOWN_PART
        real = f"{found[1]}{found[2]}"
        virtual = f"{found[3]}{found[4]}" if found[3] else real
        cubins.append(f"-gencode;arch=compute_{virtual},code=sm_{real}")
        ptx += [f"-gencode;arch=compute_{real},code=compute_{real}"] if found[5] else []
    return ";".join([*dict.fromkeys(cubins), *dict.fromkeys(ptx)])


def select_flags(run: CMakeState, call: Call) -> None:
    """cuda_select_nvcc_arch_flags(VARIABLE archs…)."""
    texts = call.texts
    if not texts or UNKNOWN_PART in texts[0]:
        return
    known = all(UNKNOWN_PART not in text for text in texts[1:])
    flags = selected(run, texts[1:]) if known else UNKNOWN_PART
    run.put(texts[0], value(flags, call.places()))
    numbers = re.findall(r"code=((?:sm|compute)_\w+)", flags)
    readable = " ".join(numbers) if UNKNOWN_PART not in flags else UNKNOWN_PART
    run.put(f"{texts[0]}_readable", value(readable, call.places()))


def torch_flags(run: CMakeState, call: Call) -> None:
    """torch_cuda_get_nvcc_gencode_flag(VARIABLE)."""
    for name in call.texts[:1]:
        run.put(name, value(_of_torch(run), call.places()))


def _of_torch(run: CMakeState) -> str:
    """The flags that torch's cuda.cmake takes from TORCH_CUDA_ARCH_LIST."""
    found = run.read(LIST)
    if found.defined is False:
        found = run.read_env(LIST)
    if found.defined is None or not found.known:
        return UNKNOWN_PART
    return selected(run, elements(found.text))


def _cuda(run: CMakeState, call: Call, required: bool) -> Flow:
    """find_package(CUDA): CMake's FindCUDA."""
    run.prefixes.add("CUDA_")
    cmake = run.call.cmake
    removed = cmake is not None and compared(cmake, "VERSION_GREATER_EQUAL", "3.27")
    if removed and run.is_new("CMP0146", (3, 27)):
        if required:
            run.fail("find_package(CUDA): FindCUDA is removed by policy CMP0146", "policy")
            return "fatal"
        run.set("CUDA_FOUND", "FALSE")
        return ""
    there = has_toolkit(run)
    if there is False:
        if required:
            run.fail("Could NOT find CUDA", "no CUDA compiler")
            return "fatal"
        run.set("CUDA_FOUND", "FALSE")
        return ""
    nvcc = run.world.nvcc or "?"
    run.finds_cuda |= run.sure
    run.put("CUDA_FOUND", value("TRUE") if there or required else unknown(defined=None))
    known = re.fullmatch(r"(\d+)\.(\d+)", nvcc)
    for name, text in zip(
        ("CUDA_VERSION", "CUDA_VERSION_STRING", "CUDA_VERSION_MAJOR", "CUDA_VERSION_MINOR"),
        (nvcc, nvcc, *known.groups()) if known else (UNKNOWN_PART,) * 4,
        strict=True,
    ):
        run.set(name, text)
    for name in _VARIABLES:
        if name not in run.store.cache:
            run.store.put(run.store.cache, name, Value(""))
    home = run.world.cuda_home
    root = value(home) if home and home != "?" else unknown()
    run.store.put(run.store.cache, "CUDA_TOOLKIT_ROOT_DIR", root)
    run.put("CUDA_NVCC_EXECUTABLE", compiler(run))
    return ""


def _toolkit(run: CMakeState, call: Call, required: bool) -> Flow:
    """find_package(CUDAToolkit)."""
    run.prefixes.add("CUDAToolkit_")
    there = has_toolkit(run)
    if there is False and required:
        run.fail("Could NOT find CUDAToolkit", "no CUDA compiler")
        return "fatal"
    if there is False:
        run.set("CUDAToolkit_FOUND", "FALSE")
        return ""
    run.finds_cuda |= run.sure
    run.put("CUDAToolkit_FOUND", value("TRUE") if there or required else unknown(defined=None))
    version = release(run)
    run.set("CUDAToolkit_VERSION", version)
    numbers = version.split(".")
    for n, part in enumerate(("MAJOR", "MINOR")):
        run.set(f"CUDAToolkit_VERSION_{part}", numbers[n] if len(numbers) > n else UNKNOWN_PART)
    return ""


def _torch(run: CMakeState, call: Call, required: bool) -> Flow:
    """find_package(Torch): it enables CUDA, turns CMake's architectures off and adds its own flags."""
    torch = run.world.torch
    run.with_torch = call.place
    run.prefixes |= {"TORCH_", "Torch_", "Caffe2_"}
    if required and torch is None:
        run.fail("find_package(Torch): whether it is here is not known", "package", sure=False)
    found = (
        value("TRUE", (call.place,)) if required or torch else unknown((call.place,), defined=None)
    )
    for name in ("TORCH_FOUND", "Torch_FOUND"):
        run.put(name, found)
    libraries = unknown((call.place,), ("torch",))
    run.put("TORCH_LIBRARIES", value("torch;torch_library", (call.place,)) if torch else libraries)
    if torch is not None:
        run.set("Torch_VERSION", torch.version.partition("+")[0], call.place)
    run.put("TORCH_INCLUDE_DIRS", unknown((call.place,)))
    if torch is not None and compared(torch.version, "VERSION_GREATER_EQUAL", "2.9"):
        run.put("TORCH_CXX_FLAGS", MISSING)  # its files no longer say
    elif (
        torch is None
        or torch.cxx11_abi is None
        or compared(torch.version, "VERSION_GREATER_EQUAL", "2.7")
    ):
        run.put("TORCH_CXX_FLAGS", unknown((call.place,)))
    else:
        flag = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.cxx11_abi)}"
        run.put("TORCH_CXX_FLAGS", value(flag, (call.place,)))
    if torch is None:
        old = run.read(ARCHITECTURES)  # OFF by a torch for CUDA
        run.put(ARCHITECTURES, unknown((call.place,), ("OFF", *([old.text] if old.text else []))))
        _append_flags(run, call, UNKNOWN_PART)
        return ""
    if torch.cuda is None:
        return ""
    if has_toolkit(run) is False:
        run.fail("torch uses CUDA, and no CUDA toolkit is found", "no CUDA compiler")
        return "fatal"
    if run.sure and run.read(LIST).defined is False and run.read_env(LIST).defined is False:
        run.detects = call.place
    run.fail("find_package(Torch): what its files look for is not known", "package", sure=False)
    _cuda(run, call, required=False)
    enable(run, "CUDA")
    if not run.read("CMAKE_CUDA_STANDARD").text:
        standard = run.read("CMAKE_CXX_STANDARD")
        if standard.defined is not False:
            run.put("CMAKE_CUDA_STANDARD", standard)
    run.set(ARCHITECTURES, "OFF", call.place)
    _append_flags(run, call, _of_torch(run))
    return ""


def _append_flags(run: CMakeState, call: Call, flags: str) -> None:
    old = run.read("CMAKE_CUDA_FLAGS")
    extra = " ".join(elements(flags))
    other = " -DONNX_NAMESPACE=onnx_c2 " + extra if extra != UNKNOWN_PART else UNKNOWN_PART
    text = (UNKNOWN_PART if old.defined is None else old.text) + f"{other} -{UNKNOWN_PART}"
    run.put("CMAKE_CUDA_FLAGS", value(text, (*old.places, call.place), old.maybe))


PACKAGES: dict[str, Callable[[CMakeState, Call, bool], Flow]] = {
    "CUDA": _cuda,
    "CUDAToolkit": _toolkit,
    "Torch": _torch,
    "Caffe2": _torch,
}

_OF_TORCH = re.compile(r"import.*torch", re.DOTALL)
_ASKS_GPU = re.compile(r"(?:^|/)nvidia-smi$|is_available|get_device_capability")


_MOST_PRINTED = 12  # programs in Python of one run


def answered(run: CMakeState, texts: Sequence[str]) -> Printed | None:
    """What a command of Python's that execute_process() runs would print, where the world knows."""
    if any(map(_ASKS_GPU.search, texts)):
        asks_gpu(run)
    at = texts.index("-c") + 1 if "-c" in texts[:-1] else 0
    code = texts[at] if at and texts.count("COMMAND") == 1 else ""
    if run.world.torch is None or UNKNOWN_PART in code or not _OF_TORCH.search(code):
        return None
    if code not in run.printed and len(run.printed) < _MOST_PRINTED:
        run.printed[code] = printed(code, run.world)
    found = run.printed.get(code)
    if found is not None and "OUTPUT_STRIP_TRAILING_WHITESPACE" in texts:
        return replace(found, text=found.text.rstrip())
    return found
