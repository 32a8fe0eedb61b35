"""CMake's commands by name: variables, the cache, files, packages and what is asked of the machine."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from gpufix.source.builds import cmake_languages, cmake_lists, cmake_start, cmake_targets
from gpufix.source.builds.cmake_conditions import Condition, compared
from gpufix.source.builds.cmake_cuda import answered
from gpufix.source.builds.cmake_files import file_command
from gpufix.source.builds.cmake_languages import compiler
from gpufix.source.builds.cmake_packages import fetched, find_package, handled, include
from gpufix.source.builds.cmake_state import Call, CMakeState, Flow
from gpufix.source.builds.cmake_store import MISSING, Value, unknown, value
from gpufix.source.builds.cmake_words import Word, elements
from gpufix.source.builds.run import UNKNOWN_PART

Handler = Callable[[CMakeState, Call], Flow | None]


def _set(run: CMakeState, call: Call) -> None:
    texts = call.texts
    if not texts:
        return
    name, rest = texts[0], texts[1:]
    if UNKNOWN_PART in name:
        run.unfollow("set() of an unknown variable")
        return
    if inner := re.fullmatch(r"ENV\{(.*)\}", name):
        new = value(rest[0], call.places()) if rest else MISSING
        run.store.put(run.store.other, ("env", inner[1]), new if rest else "")
        return
    if rest and rest[-1] == "PARENT_SCOPE":
        if run.parents:
            parent = run.parents[-1]
            run.store.put(parent, name, _valued(call, rest[:-1]) if rest[:-1] else MISSING)
        return
    if "CACHE" in rest and len(rest) - rest.index("CACHE") >= 3:
        at = rest.index("CACHE")
        run.set_cache(name, _valued(call, rest[:at]), rest[at + 1], force=rest[-1] == "FORCE")
        return
    run.put(name, _valued(call, rest) if rest else MISSING)


def _valued(call: Call, rest: list[str]) -> Value:
    """Words that may be none at all may leave the variable unset."""
    new = value(";".join(rest), call.places())
    words = call.words[1 : 1 + len(rest)]
    return (
        new._replace(defined=None) if all(w.open and w.text == UNKNOWN_PART for w in words) else new
    )


def _unset(run: CMakeState, call: Call) -> None:
    texts = call.texts
    if not texts:
        return
    name = texts[0]
    if inner := re.fullmatch(r"ENV\{(.*)\}", name):
        run.store.put(run.store.other, ("env", inner[1]), "")
    elif "CACHE" in texts[1:]:
        run.store.put(run.store.cache, name, MISSING)
    elif "PARENT_SCOPE" in texts[1:]:
        if run.parents:
            run.store.put(run.parents[-1], name, MISSING)
    else:
        run.put(name, MISSING)


def _option(run: CMakeState, call: Call) -> None:
    texts = call.texts
    if not texts or UNKNOWN_PART in texts[0]:
        return
    name = texts[0]
    default = texts[2] if len(texts) > 2 else "OFF"
    here = run.store.variables.get(name)
    if here is not None and run.is_new("CMP0077", (3, 13)):
        return
    run.read(name)  # asked for
    run.set_cache(name, value(default, call.places()), "BOOL")
    if here is not None and not run.is_new("CMP0077", (3, 13)):
        run.put(name, MISSING)


def _dependent_option(run: CMakeState, call: Call) -> None:
    """cmake_dependent_option(name help value depends force)."""
    texts = call.texts
    if len(texts) < 5:
        return
    name, _, default, depends, forced = texts[:5]
    verdicts = [
        Condition([Word(part, False) for part in condition.split()], run).holds()
        for condition in elements(depends)
    ]
    if False in verdicts:
        run.put(name, value(forced, call.places()))
    elif None in verdicts:
        run.put(name, unknown(call.places(), (default, forced)))
    else:
        run.set_cache(name, value(default, call.places()), "BOOL")


def _minimum(run: CMakeState, call: Call) -> Flow:
    texts = call.texts
    version = texts[texts.index("VERSION") + 1] if "VERSION" in texts[:-1] else ""
    if UNKNOWN_PART in version or not version:
        return ""
    least, _, most = version.partition("...")
    cmake = run.call.cmake
    if cmake and compared(cmake, "VERSION_LESS", least):
        run.fail(f"CMake {least} or higher is required. You are running version {cmake}", "cmake")
        return "fatal"
    if cmake and compared(cmake, "VERSION_GREATER_EQUAL", "4.0"):
        lifted = run.read("CMAKE_POLICY_VERSION_MINIMUM")
        lifted_env = run.read_env("CMAKE_POLICY_VERSION_MINIMUM")
        if (
            compared(most or least, "VERSION_LESS", "3.5")
            and not lifted.text
            and not lifted_env.text
        ):
            run.fail("Compatibility with CMake < 3.5 has been removed from CMake", "policy")
            return "fatal"
    _policies(
        run,
        most if most and (not cmake or compared(cmake, "VERSION_GREATER_EQUAL", most)) else least,
    )
    run.set("CMAKE_MINIMUM_REQUIRED_VERSION", least)
    return ""


def _policies(run: CMakeState, version: str) -> None:
    run.store.put(run.store.other, ("version", ""), version)
    for key in [k for k in run.store.other if k[0] == "policy"]:
        run.store.put(run.store.other, key, MISSING)


def _policy(run: CMakeState, call: Call) -> Flow:
    texts = call.texts
    match texts[:1]:
        case ["SET"] if len(texts) == 3:
            if texts[2] == "OLD" and run.is_settled(texts[1]):
                run.fail(f"Policy {texts[1]} may not be set to OLD behavior", "policy")
                return "fatal"
            run.store.put(run.store.other, ("policy", texts[1]), texts[2])
        case ["VERSION"] if len(texts) == 2:
            least, _, most = texts[1].partition("...")
            _policies(run, most or least)
        case ["GET"] if len(texts) > 2:
            run.put(texts[2], unknown((call.place,)))
    return ""


def _project(run: CMakeState, call: Call) -> None:
    texts = call.texts
    if not texts:
        return
    keywords = {"VERSION", "DESCRIPTION", "HOMEPAGE_URL", "LANGUAGES", "COMPAT_VERSION"}
    numbers, languages, mode = None, [], ""
    for text in texts[1:]:
        if text in keywords:
            mode = text
        elif mode in ("", "LANGUAGES"):
            languages.append(text)
        elif mode == "VERSION":
            numbers = text
    listed = languages if languages or "LANGUAGES" in texts else None
    cmake_start.declare(run, texts[0], numbers, listed)


def _enable_language(run: CMakeState, call: Call) -> None:
    for language in call.texts:
        if language != "OPTIONAL":
            cmake_languages.enable(run, language)


def _check_language(run: CMakeState, call: Call) -> None:
    """check_language(CUDA): CMAKE_CUDA_COMPILER says whether there is a compiler."""
    for language in call.texts[:1]:
        name = f"CMAKE_{language}_COMPILER"
        if run.read(name).defined is not False:
            return
        if language == "CUDA":
            run.store.put(run.store.cache, name, compiler(run))
        else:
            run.store.put(run.store.cache, name, unknown((call.place,)))


def _add_subdirectory(run: CMakeState, call: Call) -> Flow:
    texts = [text for text in call.texts if text not in ("EXCLUDE_FROM_ALL", "SYSTEM")]
    if not texts or UNKNOWN_PART in texts[0]:
        run.unfollow("add_subdirectory() of an unknown folder")
        return ""
    folder = run.absolute(texts[0])
    if not run.inside(folder):
        run.unfollow(f"add_subdirectory({run.relative(folder)}) lies outside the project")
        return ""
    there = run.exists(f"{folder}/CMakeLists.txt")
    if there is False and (folder in run.call.awaited or run.is_awaited(folder)):
        run.unfollow(f"add_subdirectory({run.relative(folder)}), which a submodule is to fill")
        return ""
    if there is False:
        run.fail(f"add_subdirectory: no CMakeLists.txt in {run.relative(folder)}", "missing folder")
        return "fatal"
    entered = ("entered", folder)
    if entered in run.store.other:
        return ""
    run.store.put(run.store.other, entered, True)
    binary = run.store.variables.get("CMAKE_CURRENT_BINARY_DIR")
    name = folder.rpartition("/")[2]
    return run.enter_folder(folder, f"{binary.text if binary else run.binary_root}/{name}")


def _execute_process(run: CMakeState, call: Call) -> Flow:
    """Nothing is run; what is asked of torch may be known all the same."""
    texts = call.texts
    known = answered(run, texts)
    told: dict[str, str | None] = dict.fromkeys(_TOLD)
    if known is not None:
        status = str(int(known.fails))
        told |= {
            "OUTPUT_VARIABLE": known.text,
            "RESULT_VARIABLE": status,
            "RESULTS_VARIABLE": status,
        }
    for at, text in enumerate(texts[:-1]):
        if text in told:
            made = told[text]
            new = unknown((call.place,)) if made is None else value(made, (call.place,))
            run.put(texts[at + 1], new)
    if known is not None and known.fails and "COMMAND_ERROR_IS_FATAL" in texts:
        run.fail("execute_process: Python ends with an exception", "command")
        return "fatal"
    return ""


_TOLD = ("OUTPUT_VARIABLE", "ERROR_VARIABLE", "RESULT_VARIABLE", "RESULTS_VARIABLE")


def _sets_last(run: CMakeState, call: Call) -> None:
    """check_…(…, VARIABLE): what only a compiler tells."""
    for name in call.texts[-1:]:
        if UNKNOWN_PART not in name and name not in run.store.cache:
            run.store.put(run.store.cache, name, unknown((call.place,)))


def _sets_first(run: CMakeState, call: Call) -> None:
    """find_program(VARIABLE …), try_compile(VARIABLE …): known already, or unknown."""
    texts = call.texts
    if not texts or UNKNOWN_PART in texts[0]:
        return
    found = run.store.cache.get(texts[0])
    if found is None and run.store.variables.get(texts[0]) is None:
        run.store.put(run.store.cache, texts[0], unknown((call.place,)))


def _find_program(run: CMakeState, call: Call) -> None:
    """find_program(): nvcc is found as the language finds it, others only where a run has been before."""
    texts = call.texts
    if (
        "nvcc" in texts[1:]
        and texts[0] not in run.store.cache
        and run.read(texts[0]).defined is False
    ):
        found = compiler(run)
        missing = found.text.endswith("-NOTFOUND")
        new = value(f"{texts[0]}-NOTFOUND", (call.place,)) if missing else found
        run.store.put(run.store.cache, texts[0], new)
    _sets_first(run, call)


def _configure_file(run: CMakeState, call: Call) -> None:
    """configure_file(): a source of the build's own folder that is one of the project's."""
    if call.known and len(call.texts) > 1:
        source, target = call.texts[:2]
        binary = run.read("CMAKE_CURRENT_BINARY_DIR").text
        run.copied(run.absolute(source), posixpath.normpath(posixpath.join(binary, target)))


def _tries(run: CMakeState, call: Call) -> None:
    texts = call.texts
    for name in texts[: 2 if call.name == "try_run" else 1]:
        run.store.put(run.store.cache, name, unknown((call.place,)))
    for at, text in enumerate(texts[:-1]):
        if text.endswith("OUTPUT_VARIABLE"):
            run.put(texts[at + 1], unknown((call.place,)))


def _language(run: CMakeState, call: Call) -> Flow:
    """cmake_language(CALL name …); the code of EVAL is not followed."""
    texts = call.texts
    if texts[:1] == ["CALL"] and len(texts) > 1 and UNKNOWN_PART not in texts[1]:
        inner = call._replace(name=texts[1].lower(), words=call.words[2:])
        return run.call_command(inner)
    if texts[:1] not in (["DEFER"], ["GET_MESSAGE_LOG_LEVEL"]):
        run.unfollow("cmake_language() is not followed")
    return ""


def _include_guard(run: CMakeState, call: Call) -> Flow:
    key = ("guard", run.path)
    if key in run.store.other:
        return "return"
    run.store.put(run.store.other, key, True)
    return ""


def _path(run: CMakeState, call: Call) -> None:
    """cmake_path(): what it writes is not known."""
    texts = call.texts
    changes = {
        "SET",
        "APPEND",
        "APPEND_STRING",
        "REMOVE_FILENAME",
        "REPLACE_FILENAME",
        "REMOVE_EXTENSION",
    }
    changes |= {"NORMAL_PATH", "RELATIVE_PATH", "ABSOLUTE_PATH", "REPLACE_EXTENSION"}
    if texts[:1] and texts[0] in changes and len(texts) > 1 and "OUTPUT_VARIABLE" not in texts:
        run.put(texts[1], unknown((call.place,)))
    for name in texts[-1:]:
        if re.fullmatch(r"[A-Za-z_]\w*", name):
            run.put(name, unknown((call.place,)))


def _nothing(run: CMakeState, call: Call) -> None:
    """It changes nothing that is asked for here."""


_IGNORED = [
    "install",
    "export",
    "add_test",
    "enable_testing",
    "set_tests_properties",
    "mark_as_advanced",
    "add_custom_command",
    "source_group",
    "variable_watch",
    "cmake_host_system_information",
    "target_precompile_headers",
    "link_directories",
    "include_regular_expression",
    "write_basic_package_version_file",
    "configure_package_config_file",
    "cpack_add_component",
    "include_external_msproject",
    "find_package_message",
    "target_link_directories",
    "cmake_print_variables",
    "cmake_file_api",
    "ctest_empty_binary_directory",
    "feature_summary",
    "set_package_properties",
    "add_feature_info",
    "build_command",
    "create_test_sourcelist",
    "define_property",
    "gtest_discover_tests",
    "fetchcontent_declare",
    "swig_link_libraries",
    "generate_export_header",
    "cuda_include_directories",
    "cmake_push_check_state",
    "cmake_pop_check_state",
    "cmake_reset_check_state",
    "print_enabled_features",
    "site_name",
    "set_directory_properties_",
    "aux_source_directory_",
    "add_dependencies",
]
_CHECKS = [
    "check_cxx_compiler_flag",
    "check_c_compiler_flag",
    "check_compiler_flag",
    "check_cxx_source_compiles",
    "check_c_source_compiles",
    "check_source_compiles",
    "check_include_file",
    "check_include_file_cxx",
    "check_symbol_exists",
    "check_cxx_symbol_exists",
    "check_function_exists",
    "check_library_exists",
    "check_type_size",
    "check_cxx_source_runs",
    "check_c_source_runs",
    "check_linker_flag",
    "check_ipo_supported_",
    "check_struct_has_member",
    "check_include_files",
]

COMMANDS: dict[str, Handler] = {
    **dict.fromkeys(_IGNORED, _nothing),
    **dict.fromkeys(_CHECKS, _sets_last),
    **dict.fromkeys(("find_library", "find_path", "find_file"), _sets_first),
    "find_program": _find_program,
    "configure_file": _configure_file,
    **dict.fromkeys(("try_compile", "try_run"), _tries),
    **dict.fromkeys(
        ("fetchcontent_makeavailable", "fetchcontent_populate", "cpmaddpackage", "cpmfindpackage"),
        fetched,
    ),
    "set": _set,
    "unset": _unset,
    "option": _option,
    "cmake_dependent_option": _dependent_option,
    "cmake_minimum_required": _minimum,
    "cmake_policy": _policy,
    "project": _project,
    "enable_language": _enable_language,
    "check_language": _check_language,
    "add_subdirectory": _add_subdirectory,
    "include": include,
    "include_guard": _include_guard,
    "find_package": find_package,
    "find_package_handle_standard_args": handled,
    "execute_process": _execute_process,
    "cmake_language": _language,
    "cmake_path": _path,
    "file": file_command,
    "list": cmake_lists.list_command,
    "string": cmake_lists.string_command,
    "math": cmake_lists.math_command,
    "get_filename_component": cmake_lists.filename_component,
    "separate_arguments": cmake_lists.separate_arguments,
    "cmake_parse_arguments": cmake_lists.parse_arguments,
    **cmake_targets.COMMANDS,
}
