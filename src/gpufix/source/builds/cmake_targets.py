"""Targets, their sources, and properties of targets, folders and files."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gpufix.source.builds import cmake_cuda
from gpufix.source.builds.cmake_genex import deepened
from gpufix.source.builds.cmake_state import Call, CMakeState, Flow
from gpufix.source.builds.cmake_store import MISSING, UNDEFINED, Value, unknown, value
from gpufix.source.builds.cmake_words import Word
from gpufix.source.builds.run import UNKNOWN_PART, Place

# Properties that a target takes from variables when it is made.
_FROM_VARIABLES = {
    name: f"CMAKE_{name}"
    for name in [
        "CUDA_ARCHITECTURES",
        "CXX_STANDARD",
        "C_STANDARD",
        "CUDA_STANDARD",
        "CXX_EXTENSIONS",
        "CUDA_EXTENSIONS",
        "CXX_STANDARD_REQUIRED",
        "CUDA_STANDARD_REQUIRED",
        "CUDA_SEPARABLE_COMPILATION",
        "POSITION_INDEPENDENT_CODE",
        "HIP_ARCHITECTURES",
    ]
}
_SCOPES = {"PRIVATE", "PUBLIC", "INTERFACE"}
_USED = {  # command -> property
    "target_compile_options": "COMPILE_OPTIONS",
    "target_compile_definitions": "COMPILE_DEFINITIONS",
    "target_compile_features": "COMPILE_FEATURES",
    "target_sources": "SOURCES",
    "target_link_libraries": "LINK_LIBRARIES",
    "target_include_directories": "INCLUDE_DIRECTORIES",
}
_KINDS = {"STATIC", "SHARED", "MODULE", "OBJECT", "INTERFACE", "UNKNOWN"}


class Target(NamedTuple):
    """A target of the project."""

    name: str
    kind: str  # "library", "module", "executable", "interface", "imported", "custom", "FindCUDA"
    folder: str  # whose CMakeLists.txt makes it, absolute
    place: Place
    sure: bool
    hangs: tuple[str, ...]

    def doubted(self, other: Target | None) -> Target:
        """One that may not be there."""
        return self._replace(sure=False)


class Folder(NamedTuple):
    """A folder when its CMakeLists.txt has been read: the flags that are in force then."""

    variables: dict[str, Value]
    parent: str | None

    def doubted(self, other: Any) -> Folder:
        """One that may not be entered."""
        return self


def property_of(run: CMakeState, kind: str, name: str, wanted: str) -> Value:
    """A property; undefined where nothing has set it."""
    return run.store.properties.get((kind, name, wanted), UNDEFINED)


def put_property(run: CMakeState, kind: str, name: str, wanted: str, new: Value | Any) -> None:
    """Write a property."""
    run.store.put(run.store.properties, (kind, name, wanted), new)


def extend(
    run: CMakeState,
    key: tuple[str, str, str],
    added: str,
    places: Sequence[Place],
    front: bool = False,
    glue: str = ";",
) -> None:
    """Append to a property."""
    if not added:
        return
    old = run.store.properties.get(key, UNDEFINED)
    if old.defined is None and not old.text:
        old = unknown()
    parts = [added, old.text] if front else [old.text, added]
    text = glue.join(part for part in parts if part)
    run.store.put(run.store.properties, key, value(text, (*old.places, *places), old.maybe))


_INHERITED = ("COMPILE_OPTIONS", "COMPILE_DEFINITIONS", "_FLAGS", "LINK_LIBRARIES")
_READ_AT_END = (
    "CMAKE_CXX_FLAGS", "CMAKE_CUDA_FLAGS", "CMAKE_C_FLAGS", "CMAKE_BUILD_TYPE", "CUDA_NVCC_FLAGS",
    "CMAKE_CXX_COMPILER_ID", "CMAKE_CUDA_COMPILER_ID", "CMAKE_C_COMPILER_ID",
)  # fmt: skip


def open_folder(run: CMakeState, folder: str, parent: str | None) -> None:
    """Folders inherit properties."""
    name = run.relative(folder)
    for wanted in _INHERITED if parent is not None else ():
        found = property_of(run, "folder", parent or "", wanted)
        if found.defined is not False:
            put_property(run, "folder", name, wanted, found)


def close_folder(run: CMakeState, folder: str) -> None:
    """The flags that hold at the end of a folder are those of its targets."""
    kept = {}
    for name in _READ_AT_END:
        kept[name] = run.read(name)
        for config in ("DEBUG", "RELEASE", "RELWITHDEBINFO", "MINSIZEREL"):
            if name.endswith("_FLAGS") and name.startswith("CMAKE"):
                kept[f"{name}_{config}"] = run.read(f"{name}_{config}")
    run.store.put(run.store.other, ("folder", folder), Folder(kept, None))


def _make(run: CMakeState, call: Call, name: str, kind: str, sources: Sequence[Word]) -> None:
    if not name or UNKNOWN_PART in name:
        run.unfollow("a target of unknown name")
        name = name or "?"
    target = Target(name, kind, run.folder, call.place, run.sure, run.hangs)
    run.store.put(run.store.targets, name, target)
    for wanted, variable in _FROM_VARIABLES.items():
        found = run.read(variable)
        if found.defined is not False:
            put_property(run, "target", name, wanted, found)
    folder = run.relative(run.folder)
    options = property_of(run, "folder", folder, "COMPILE_OPTIONS")
    if options.defined is not False:
        put_property(run, "target", name, "COMPILE_OPTIONS", options)
    links = property_of(run, "folder", folder, "LINK_LIBRARIES")
    if links.defined is not False:
        put_property(run, "target", name, "LINK_LIBRARIES", links)
    _sources(run, call, name, "SOURCES", sources)


def _sources(run: CMakeState, call: Call, name: str, wanted: str, words: Sequence[Word]) -> None:
    paths = [_source(run, word.text) for word in words]
    places = (*(p for word in words for p in word.places), call.place)
    extend(run, ("target", name, wanted), ";".join(paths), places)


def _source(run: CMakeState, text: str) -> str:
    """A source as an absolute path, where it is one."""
    if not text or text.startswith(("$<", "/", UNKNOWN_PART)):
        return text
    return posixpath.normpath(posixpath.join(run.folder, text))


def _add_library(run: CMakeState, call: Call) -> None:
    words = list(call.words)
    if not words:
        return
    name, rest = words[0].text, words[1:]
    if any(word.text == "ALIAS" and not word.quoted for word in rest[:1]):
        run.store.put(run.store.other, ("alias", name), rest[1].text if len(rest) > 1 else "")
        run.store.put(
            run.store.targets,
            name,
            Target(name, "alias", run.folder, call.place, run.sure, run.hangs),
        )
        return
    kinds = [word.text for word in rest if word.text in _KINDS]
    imported = any(word.text == "IMPORTED" for word in rest)
    sources = [
        w
        for w in rest
        if w.text not in _KINDS and w.text not in ("EXCLUDE_FROM_ALL", "IMPORTED", "GLOBAL")
    ]
    kind = (
        "imported"
        if imported
        else {"INTERFACE": "interface", "MODULE": "module"}.get((kinds or [""])[0], "library")
    )
    _make(run, call, name, kind, sources)
    if kind != "imported" and call.name != "pybind11_add_module":
        put_property(run, "target", name, "_TYPE", value((kinds or ["?"])[0]))


def _add_executable(run: CMakeState, call: Call) -> None:
    words = list(call.words)
    if not words or any(word.text in ("IMPORTED", "ALIAS") for word in words[1:2]):
        return
    sources = [w for w in words[1:] if w.text not in ("WIN32", "MACOSX_BUNDLE", "EXCLUDE_FROM_ALL")]
    _make(run, call, words[0].text, "executable", sources)


_MODULE_WORDS = {
    "MODULE",
    "SHARED",
    "STATIC",
    "EXCLUDE_FROM_ALL",
    "NO_EXTRAS",
    "THIN_LTO",
    "OPT_SIZE",
    "LTO",
}
_MODULE_WORDS |= {
    "WITH_SOABI",
    "NB_STATIC",
    "NB_SHARED",
    "STABLE_ABI",
    "FREE_THREADED",
    "NOMINSIZE",
    "NOSTRIP",
}
_MODULE_WORDS |= {
    "NB_DOMAIN",
    "LTO",
    "SYSTEM",
    "PROTECT_STACK",
    "NOTRIM",
    "MUSL_DYNAMIC_LIBCPP",
    "USE_SABI",
}


def _add_module(run: CMakeState, call: Call) -> None:
    """pybind11_add_module(), Python_add_library(), nanobind_add_module(): more flags may come with them."""
    words = list(call.words)
    if not words:
        return
    _make(run, call, words[0].text, "module", [w for w in words[1:] if w.text not in _MODULE_WORDS])
    if call.name in ("pybind11_add_module", "nanobind_add_module"):
        extend(run, ("target", words[0].text, "LINK_LIBRARIES"), "pybind11::module", (call.place,))


def _find_cuda(run: CMakeState, call: Call) -> None:
    """cuda_add_library(): FindCUDA compiles .cu with the CUDA_NVCC_FLAGS of now."""
    words = list(call.words)
    if not words:
        return
    at = next((n for n, w in enumerate(words) if w.text == "OPTIONS"), len(words))
    skipped = {*_KINDS, "EXCLUDE_FROM_ALL", "WIN32", "MACOSX_BUNDLE"}
    sources = [w for w in words[1:at] if w.text not in skipped]
    name = words[0].text
    _make(run, call, name, "FindCUDA", sources)
    flags = run.read("CUDA_NVCC_FLAGS")
    text = UNKNOWN_PART if flags.defined is None else flags.text
    more = ";".join(w.text for w in words[at + 1 :])
    made = ";".join(p for p in (text, more) if p)
    put_property(
        run, "target", name, "_NVCC", value(made, (*flags.places, call.place), flags.maybe)
    )


def _target_use(run: CMakeState, call: Call) -> None:
    """target_compile_options() and its kin: scopes and items."""
    words = list(call.words)
    wanted = _USED[call.name]
    if not words or UNKNOWN_PART in words[0].text:
        run.unfollow(f"{call.name}() of an unknown target")
        return
    name = run.store.other.get(("alias", words[0].text), words[0].text)
    scope, front = "PUBLIC" if wanted == "LINK_LIBRARIES" else "PRIVATE", False
    groups: list[tuple[str, list[Word]]] = []
    for word in words[1:]:
        if word.text in _SCOPES and not word.quoted:
            scope = word.text
        elif word.text == "BEFORE" and not groups:
            front = True
        elif word.text in (
            "SYSTEM",
            "AFTER",
            "LINK_PUBLIC",
            "LINK_PRIVATE",
            "debug",
            "optimized",
            "general",
        ):
            continue
        else:
            groups.append((scope, [word]))
    if wanted == "SOURCES":
        _target_sources(run, call, name, groups)
        return
    for scope, items in groups:
        text = ";".join(w.text for w in items)
        if wanted == "COMPILE_DEFINITIONS":
            text = text.removeprefix("-D")
        places = (*(p for w in items for p in w.places), call.place)
        if scope != "INTERFACE":
            extend(run, ("target", name, wanted), text, places, front)
        if scope != "PRIVATE":
            extend(run, ("target", name, f"INTERFACE_{wanted}"), text, places, front)


def _target_sources(
    run: CMakeState, call: Call, name: str, groups: list[tuple[str, list[Word]]]
) -> None:
    """Also of file sets: FILE_SET and its keywords."""
    skip = 0
    for scope, (word,) in groups:
        if word.text in ("FILE_SET", "TYPE", "BASE_DIRS"):
            skip = 1
        elif word.text == "FILES":
            skip = 2
        elif skip:
            skip = 0 if skip == 1 else 2
        elif scope == "INTERFACE":
            _sources(run, call, name, "INTERFACE_SOURCES", [word])
        else:
            _sources(run, call, name, "SOURCES", [word])
            if scope == "PUBLIC":
                _sources(run, call, name, "INTERFACE_SOURCES", [word])


def _add_options(run: CMakeState, call: Call) -> None:
    """add_compile_options(): of the targets that come after it.

    An expression over several arguments is none to CMake, other than in target_compile_options().
    """
    key = ("folder", run.relative(run.folder), "COMPILE_OPTIONS")
    texts = [UNKNOWN_PART if deepened(text, 0) else text for text in call.texts]
    extend(run, key, ";".join(texts), call.places())


def _add_definitions(run: CMakeState, call: Call) -> None:
    """add_definitions(), add_compile_definitions(): of all targets of the folder."""
    for word in call.words:
        text = word.text
        if call.name == "add_definitions" and not text.startswith(("-D", "/D")):
            key = ("folder", run.relative(run.folder), "_FLAGS")
            extend(run, key, text, (*word.places, call.place), glue=" ")
            continue
        defined = text[2:] if text.startswith(("-D", "/D")) else text
        key = ("folder", run.relative(run.folder), "COMPILE_DEFINITIONS")
        extend(run, key, defined, (*word.places, call.place))


def _remove_definitions(run: CMakeState, call: Call) -> None:
    key = ("folder", run.relative(run.folder), "COMPILE_DEFINITIONS")
    old = run.store.properties.get(key)
    if old is not None:
        gone = {text.removeprefix("-D") for text in call.texts}
        text = ";".join(part for part in old.text.split(";") if part not in gone)
        run.store.put(run.store.properties, key, old._replace(text=text))


def _link_libraries(run: CMakeState, call: Call) -> None:
    key = ("folder", run.relative(run.folder), "LINK_LIBRARIES")
    extend(run, key, ";".join(call.texts), call.places())


def _set_properties(run: CMakeState, call: Call) -> None:
    """set_target_properties(), set_source_files_properties(), set_directory_properties()."""
    words = list(call.words)
    at = next((n for n, w in enumerate(words) if w.text == "PROPERTIES"), None)
    if at is None:
        return
    kind = {"set_target_properties": "target", "set_source_files_properties": "source"}.get(
        call.name, "folder"
    )
    names = [w.text for w in words[:at]] if kind != "folder" else [run.relative(run.folder)]
    if "DIRECTORY" in names or "TARGET_DIRECTORY" in names:
        names = names[
            : next(n for n, t in enumerate(names) if t in ("DIRECTORY", "TARGET_DIRECTORY"))
        ]
    pairs = words[at + 1 :]
    for name in names:
        for wanted, word in zip(pairs[::2], pairs[1::2], strict=False):
            key = (kind, _subject(run, kind, name), wanted.text)
            run.store.put(run.store.properties, key, value(word.text, (*word.places, call.place)))


def _subject(run: CMakeState, kind: str, name: str) -> str:
    if kind == "source":
        return _source(run, name)
    if kind == "target":
        return str(run.store.other.get(("alias", name), name))
    return name


_PROPERTY_KINDS = {
    "TARGET": "target",
    "SOURCE": "source",
    "DIRECTORY": "folder",
    "GLOBAL": "global",
    "CACHE": "cache",
}


def _set_property(run: CMakeState, call: Call) -> None:
    words = list(call.words)
    texts = [w.text for w in words]
    kind = _PROPERTY_KINDS.get(texts[0] if texts else "")
    if kind is None or "PROPERTY" not in texts:
        return
    at = texts.index("PROPERTY")
    head, rest = texts[1:at], words[at + 1 :]
    append, string = "APPEND" in head, "APPEND_STRING" in head
    names = [t for t in head if t not in ("APPEND", "APPEND_STRING")]
    if kind == "folder":
        names = [run.relative(run.absolute(names[0]))] if names else [run.relative(run.folder)]
    if kind == "global":
        names = [""]
    if not rest or kind == "cache":
        return
    wanted, text = rest[0].text, ";".join(w.text for w in rest[1:])
    if string:
        text = "".join(w.text for w in rest[1:])
    places = (*(p for w in rest for p in w.places), call.place)
    for name in names:
        key = (kind, _subject(run, kind, name), wanted)
        if append or string:
            extend(run, key, text, places, glue="" if string else ";")
        else:
            run.store.put(run.store.properties, key, value(text, places) if rest[1:] else MISSING)


def _get_property(run: CMakeState, call: Call) -> None:
    texts = call.texts
    if len(texts) < 4 or "PROPERTY" not in texts:
        return
    kind = _PROPERTY_KINDS.get(texts[1])
    at = texts.index("PROPERTY")
    wanted = texts[at + 1] if at + 1 < len(texts) else ""
    if (
        texts[-1] in ("SET", "DEFINED", "BRIEF_DOCS", "FULL_DOCS")
        or kind is None
        or kind == "cache"
    ):
        run.put(texts[0], unknown((call.place,)))
        return
    name = texts[2] if at > 2 else {"folder": run.relative(run.folder), "global": ""}.get(kind, "")
    if kind == "folder" and at > 2:
        name = run.relative(run.absolute(texts[2]))
    found = run.store.properties.get((kind, _subject(run, kind, name), wanted))
    told = _told(run, kind, name, wanted, found)
    if found is None and told.text == "" and kind == "global" and wanted.startswith(_OWN_GLOBALS):
        told = unknown((call.place,))
    run.put(texts[0], told if told.defined is not False else value("", (call.place,)))


_OWN_GLOBALS = ("CMAKE_", "TARGET", "GENERATOR", "ENABLED", "PACKAGES", "FIND", "USE_", "IN_TRY")


def _told(run: CMakeState, kind: str, name: str, wanted: str, found: Value | None) -> Value:
    if found is not None:
        return found
    known = kind != "target" or (
        name in run.store.targets and run.store.targets[name].kind != "imported"
    )
    own = kind == "target" and wanted in (
        "SOURCES",
        "TYPE",
        "NAME",
        "LOCATION",
        "SOURCE_DIR",
        "BINARY_DIR",
    )
    return UNDEFINED if known and not own and kind != "folder" else unknown(defined=None)


def _get_target_property(run: CMakeState, call: Call) -> None:
    texts = call.texts
    if len(texts) < 3:
        return
    out, name, wanted = texts[:3]
    found = run.store.properties.get(("target", _subject(run, "target", name), wanted))
    if wanted in ("SOURCES", "TYPE") and found is not None:
        found = unknown((call.place,))  # as written, not as absolute paths
    told = _told(run, "target", name, wanted, found)
    if told.defined is False:
        told = value(f"{out}-NOTFOUND", (call.place,))
    run.put(out, told)


def _gets_unknown(run: CMakeState, call: Call) -> None:
    """get_directory_property() and its kin."""
    for name in call.texts[:1]:
        run.put(name, unknown((call.place,)))


def _custom_target(run: CMakeState, call: Call) -> None:
    for name in call.texts[:1]:
        run.store.put(
            run.store.targets,
            name,
            Target(name, "custom", run.folder, call.place, run.sure, run.hangs),
        )


def _cuda_compile(run: CMakeState, call: Call) -> None:
    """cuda_compile(VARIABLE sources…): objects that somebody adds to a target."""
    words = list(call.words)
    if words:
        name = f"{words[0].text} of {call.name}()"
        inner = call._replace(words=(Word(name, True), *words[1:]))
        _find_cuda(run, inner)
        run.put(words[0].text, unknown((call.place,)))


_EACH: dict[str, Callable[[CMakeState, Call], None]] = {
    "add_library": _add_library,
    "add_executable": _add_executable,
    "pybind11_add_module": _add_module,
    "nanobind_add_module": _add_module,
    "python_add_library": _add_module,
    "python3_add_library": _add_module,
    "python_add_module": _add_module,
    "cuda_add_library": _find_cuda,
    "cuda_add_executable": _find_cuda,
    "cuda_compile": _cuda_compile,
    "cuda_compile_ptx": _cuda_compile,
    "cuda_select_nvcc_arch_flags": cmake_cuda.select_flags,
    "torch_cuda_get_nvcc_gencode_flag": cmake_cuda.torch_flags,
    "add_custom_target": _custom_target,
    "add_compile_options": _add_options,
    "add_definitions": _add_definitions,
    "add_compile_definitions": _add_definitions,
    "remove_definitions": _remove_definitions,
    "link_libraries": _link_libraries,
    "set_target_properties": _set_properties,
    "set_source_files_properties": _set_properties,
    "set_directory_properties": _set_properties,
    "set_property": _set_property,
    "get_property": _get_property,
    "get_target_property": _get_target_property,
    "get_directory_property": _gets_unknown,
    "get_source_file_property": _gets_unknown,
    "get_cmake_property": _gets_unknown,
    "get_test_property": _gets_unknown,
    "include_directories": lambda run, call: None,
    "target_link_options": lambda run, call: None,
    "add_link_options": lambda run, call: None,
    **dict.fromkeys(_USED, _target_use),
}
COMMANDS: dict[str, Callable[[CMakeState, Call], Flow | None]] = dict(_EACH)
