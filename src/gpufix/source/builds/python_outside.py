"""What a build file in Python calls outside the project: variables, programs, versions, modules."""

from __future__ import annotations

import posixpath
import re
import shlex
from itertools import islice, product
from typing import Any

from gpufix.source.builds import python_formats as formats
from gpufix.source.builds import python_methods as methods
from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.python_files import WithFiles
from gpufix.source.builds.python_values import (
    Arguments,
    OpenFile,
    Partial,
    Release,
    Rest,
    hidden,
)
from gpufix.source.builds.run import Started
from gpufix.source.python.import_guards import kinds_by_name
from gpufix.source.python.import_values import (
    UNKNOWN,
    Class,
    Frame,
    Instance,
    Module,
    Outside,
    PathText,
    Spec,
    Unknown,
)
from gpufix.source.python.import_world import Fails

_SILENT = re.compile(  # what gives None, and is followed no further
    r"(?:print|warnings\.[a-z]+|logging\.[a-z]+|(?:distutils\.)?log\.\w+|os\.(?:makedirs|mkdir|remove|unlink|rename|replace|"
    r"symlink|chmod|rmdir|removedirs|utime)|shutil\.(?:copy\w*|move|rmtree|chown)|"
    r"sys\.(?:stdout|stderr)\.(?:write|flush)|time\.sleep|traceback\.print_\w+|setuptools\.distutils\.log\.\w+)"
)
_VERSIONS = {
    "packaging.version.parse", "packaging.version.Version", "pkg_resources.parse_version",
    "setuptools.extern.packaging.version.parse", "pkg_resources.packaging.version.parse",
    "pkg_resources.extern.packaging.version.parse", "torch.torch_version.TorchVersion",
    "setuptools._distutils.version.LooseVersion", "setuptools._distutils.version.StrictVersion",
    "distutils.version.LooseVersion", "distutils.version.StrictVersion", "looseversion.LooseVersion",
    "pkg_resources.packaging.version.Version",
}  # fmt: skip
_RUNS = {
    "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
    "subprocess.Popen", "subprocess.getoutput", "subprocess.getstatusoutput", "os.system", "os.popen",
    "distutils.spawn.spawn", "setuptools._distutils.spawn.spawn",
}  # fmt: skip
_NEXT = re.compile(r"(&&|\|\||;)")  # what ends a command of a line of shell
_FETCHES = {"urllib.request.urlretrieve", "urllib.request.urlopen", "requests.get", "wget.download"}
_NVCC = """nvcc: NVIDIA (R) Cuda compiler driver
Copyright (c) 2005-2025 NVIDIA Corporation
Built on Wed_Jan__1_00:00:00_PST_2025
Cuda compilation tools, release {0}, V{0}.48
Build cuda_{0}.r{0}/compiler.36424714_0
"""
# cmake 3.25's, run.
_CMAKE = """cmake version {}

CMake suite maintained and supported by Kitware (kitware.com/cmake).
"""


class BuildOutside(WithFiles):
    """Knows what lies outside the project; setup_calls.py torch and setuptools."""

    def constant(self, name: Outside) -> Any:
        """What a name outside stands for."""
        return _CONSTANTS.get(name.name, name)

    def outside(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        """A call of what is not followed, by its name. Raises Fails."""
        for known in (self._of_files, self._of_system, self._builtin):
            told = known(name, args, named, frame)
            if told is not NotImplemented:
                return told
        if _SILENT.fullmatch(name):
            return None
        return Unknown(f"{name}({', '.join(map(ops.shown, args))})")

    def of_value(self, owner: Any, name: str, args: list[Any]) -> Any:
        """A call of a method of a plain value. Raises Fails."""
        if isinstance(owner, PathText):
            return self._of_path_object(owner, name, args)
        if isinstance(owner, OpenFile):
            if owner.writes or name in ("close", "seek", "flush"):
                return None
            if name == "read":
                return owner.text if owner.text is not None else "\0"
            if name in ("readlines", "__iter__"):
                return self.read_lines(owner)
            if name == "readline":
                lines = self.read_lines(owner)
                return lines[0] if lines else ""
        if isinstance(owner, Arguments):
            return self._of_arguments(owner, name, args, {})
        if isinstance(owner, Spec) and name == "exec_module" and args:
            if isinstance(args[0], Module):
                self._run_module(owner.name, owner.path, args[0])
            return None
        return Unknown(f"{ops.shown(owner)}.{name}()")

    def method(self, owner: Any, name: str, args: list[Any], named: dict[Any, Any]) -> Any:
        """A call of a method of a plain value. Raises Fails."""
        if isinstance(owner, PathText):
            return self._of_path_object(owner, name, args)
        if isinstance(owner, Arguments):
            return self._of_arguments(owner, name, args, named)
        if isinstance(owner, list) and name == "sort" and "key" in named:
            owner[:] = self._sorted(owner, named)
            return None
        return super().method(owner, name, args, named)

    def _of_arguments(
        self, parser: Arguments, name: str, args: list[Any], named: dict[Any, Any]
    ) -> Any:
        if name == "add_argument":
            flags = [str(a) for a in args if isinstance(a, str)]
            long = next((f for f in flags if f.startswith("--")), flags[0] if flags else "?")
            at = named.get("dest") or long.lstrip("-").replace("-", "_")
            kind = named.get("action", "store")
            given = next((word for word in self.argv if word in flags), None)
            self.ask("argument", long)
            default = named.get("default", kind == "store_false" if "store_" in str(kind) else None)
            value = default
            if given is not None:
                parser.taken.add(given)
                after = self.argv[self.argv.index(given) + 1 :]
                value = after[0] if after else None
                if kind in ("store_true", "store_false"):
                    value = kind == "store_true"
                else:
                    parser.taken.add(str(value))
            parser.values[str(at)] = value
            return None
        if name in ("parse_known_args", "parse_args"):
            rest = [word for word in self.argv[1:] if word not in parser.taken]
            return (parser, rest) if name == "parse_known_args" else parser
        if name.startswith("add_"):
            return parser
        return None

    # Programs, versions, the interpreter

    def _of_system(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        first = args[0] if args else next(iter(named.values()), None)
        if name.startswith("os.environ.") or name in ("os.getenv", "os.putenv", "os.unsetenv"):
            return self._of_variables(name.rpartition(".")[2], args, named)
        if name in _RUNS:
            return self._started(name, first if args else named.get("args"), named)
        if name in _FETCHES:
            what = f"{ops.shown(first)} can be fetched"
            reached = self.build.network
            if not (self.choices.choose(what, self.at) if reached is None else reached):
                raise Fails(_HTTP, said="HTTP Error 404: Not Found")
            return Unknown(what)
        if name in _VERSIONS:
            return self._version(name, first)
        if name.startswith("re."):
            return self._expression(name.removeprefix("re."), args, named)
        if name in ("sys.exit", "exit", "quit", "os._exit"):
            said = formats.text_of(first) if isinstance(first, str) else f"exit status {first or 0}"
            raise Fails(kinds_by_name("SystemExit"), said=said.replace("\0", "…"))
        if name in ("platform.system", "platform.machine", "platform.python_version"):
            return self._platform(name.rpartition(".")[2])
        if name == "platform.uname":
            return Outside("platform.uname()", is_module=True)
        if name in ("platform.architecture",):
            return ("64bit", "ELF")
        if name == "struct.calcsize" and first == "P":
            return 8
        if name in ("contextlib.suppress", "suppress"):
            return Partial("suppress", args, {})
        if name == "argparse.ArgumentParser":
            return Arguments()
        if name in ("types.SimpleNamespace", "argparse.Namespace"):
            return Instance(Class("SimpleNamespace", {}, []), {str(k): v for k, v in named.items()})
        if name == "functools.partial" and args:
            return Partial(args[0], args[1:], named)
        if name in ("functools.lru_cache", "functools.cache", "functools.wraps"):
            return UNKNOWN
        if name in ("copy.copy", "copy.deepcopy"):
            return _copied(first)
        if name == "itertools.chain" or name == "itertools.chain.from_iterable":
            lists = ops.elements(first) if name.endswith("iterable") else args
            return [each for part in lists for each in ops.elements(part)][: ops.MOST]
        if name == "itertools.product" and len(args) <= 8:
            lists = [ops.elements(each)[:64] for each in args]
            return list(islice(product(*lists), ops.MOST))
        if name == "shlex.split" and isinstance(first, str):
            return _split(first)
        if name == "ast.literal_eval" and isinstance(first, str) and not hidden(first):
            return self._evaluated(str(first), frame)
        return self._of_modules(name, args, named)

    def _of_variables(self, name: str, args: list[Any], named: dict[Any, Any]) -> Any:
        key = args[0] if args else named.get("key")
        default = args[1] if len(args) > 1 else named.get("default")
        if name in ("get", "getenv"):
            if not isinstance(key, str) or hidden(key):
                return Unknown("a variable")
            found = self.variable(key, default)
            return default if found is None else found
        if name in ("setdefault", "pop") and isinstance(key, str):
            found = self.variable(key, default)
            if name == "pop":
                self.set_variable(key, None)
                return default if found is None else found
            if found is None:
                self.set_variable(key, default)
            return default if found is None else found
        if name == "putenv" and isinstance(key, str):
            self.set_variable(key, default)
            return None
        if name == "update":
            given: dict[Any, Any] = {}
            given.update(key if isinstance(key, dict) else {})
            for each, value in (given | named).items():
                self.set_variable(each, value)
            return None
        if name in ("copy", "items", "keys", "values"):
            self.takes_all = True
            everything: dict[Any, Any] = {**self.environ, Rest("other variables"): UNKNOWN}
            return everything if name == "copy" else methods.dict_method(everything, name, [], {})
        return Unknown(f"os.environ.{name}()")

    def _started(self, how: str, command: Any, named: dict[Any, Any]) -> Any:
        words = _words(command)
        self.started.append(Started(tuple(words), self.at))
        where = named.get("cwd")
        self.worked_in.add(self.absolute(where) if isinstance(where, str) else self.cwd)
        program = posixpath.basename(words[0]) if words else ""
        fails = Fails(kinds_by_name("FileNotFoundError"), said=f"No such file: '{words[:1]}'")
        out: Any = Unknown(f"what {' '.join(words)[:80]} prints".replace("\0", "…"))
        if program == "nvcc" and any(w in ("-V", "--version", "-v") for w in words):
            self.ask("nvcc", "release")
            if self.build.nvcc is None and self.build.cuda_home != "?":
                raise fails
            if self.build.nvcc not in (None, "?"):
                return _output(how, _NVCC.format(self.build.nvcc))
        if program == "cmake" and words[1:] == ["--version"] and self.build.cmake:
            out = _CMAKE.format(self.build.cmake)
        if program in ("nvidia-smi", "rocm-smi", "rocminfo", "rocm_agent_enumerator"):
            self.ask("gpu", program)
            if self.build.gpu is False:
                raise fails
        return _output(how, out)

    def _version(self, name: str, text: Any) -> Any:
        if isinstance(text, Release):
            return text
        if not isinstance(text, str) or hidden(text):
            return Unknown(f"the version {ops.shown(text)}")
        found = Release.read(str(text), dotted="Loose" in name or "Strict" in name)
        if found is None:
            if "Loose" in name:
                return Unknown(f"the version {text}")
            raise ops.raises("InvalidVersion", f"Invalid version: '{text}'")
        return found

    def _expression(self, how: str, args: list[Any], named: dict[Any, Any]) -> Any:
        if how == "compile":
            return Partial("re", args, named)
        flags = [f for f in [*args[2:], *named.values()] if isinstance(f, int)]
        pattern, text = [*args, None, None][:2]
        if isinstance(pattern, Partial):
            pattern = pattern.args[0]
        if how == "sub" and len(args) > 2 and all(isinstance(a, str) for a in args[:3]):
            return _substituted(*args[:3])
        if how == "escape" and isinstance(pattern, str):
            return re.escape(pattern)
        unknown = Unknown(f"re.{how}({ops.shown(pattern)}, {ops.shown(text)[:40]})")
        if not isinstance(pattern, str) or not isinstance(text, str):
            return unknown
        if how not in ("search", "match", "fullmatch", "findall", "split"):
            return unknown
        told = methods.matching(how, pattern, text, flags[0] if flags else 0)
        return unknown if told is NotImplemented else told

    def _platform(self, name: str) -> Any:
        if name == "system":
            return {"linux": "Linux", "win32": "Windows", "darwin": "Darwin"}[self.build.platform]
        if name == "machine":
            return self.build.machine
        return ".".join(map(str, self.build.python))

    def _of_modules(self, name: str, args: list[Any], named: dict[Any, Any]) -> Any:
        first = args[0] if args else None
        if name in ("importlib.import_module", "__import__") and isinstance(first, str):
            return self.import_module(first) if not hidden(first) else Unknown("a module")
        if name == "importlib.util.find_spec" and isinstance(first, str):
            top = first.partition(".")[0]
            if top == "torch":
                there: bool | None = self.build.torch is not None
            else:
                there = self.build.modules.get(top)
            if there is None:
                there = self.choices.choose(f"{top} can be imported", self.at)
            return Outside(f"the spec of {first}", is_module=True) if there else None
        if name == "importlib.util.spec_from_file_location" and len(args) > 1:
            path = args[1]
            known = isinstance(path, str) and not hidden(path)
            return Spec(str(first), self.absolute(path)) if known else Unknown("a module")
        if name == "importlib.util.module_from_spec":
            if not isinstance(first, Spec):
                return Unknown("a module")
            return Module(first.name, first.path, "")
        if name == "runpy.run_path" and isinstance(first, str):
            return self._run_module("run_path", self.absolute(first)).names
        return NotImplemented


_HTTP = kinds_by_name("OSError") | {"URLError", "HTTPError", "RequestException", "ConnectionError"}
_CONSTANTS: dict[str, Any] = {
    "os.curdir": ".", "os.pardir": "..", "os.path.curdir": ".", "os.path.pardir": "..", "os.linesep": "\n", "os.extsep": ".", "os.altsep": None,
    "re.M": int(re.M), "re.MULTILINE": int(re.M), "re.I": int(re.I), "re.IGNORECASE": int(re.I),
    "re.S": int(re.S), "re.DOTALL": int(re.S), "re.X": int(re.X), "re.VERBOSE": int(re.X),
    "subprocess.PIPE": -1, "subprocess.STDOUT": -2, "subprocess.DEVNULL": -3,
    "math.inf": 10**9,
    "platform.uname().machine": "x86_64", "platform.uname().system": "Linux",
}  # fmt: skip


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: list(v) if type(v) is list else v for k, v in value.items()}
    if isinstance(value, list):
        return type(value)(list(v) if type(v) is list else v for v in value)
    if isinstance(value, Instance):
        return Instance(value.of, dict(_copied(value.names)))
    return value


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return [text]


def _words(command: Any) -> list[str]:
    if isinstance(command, str):
        return _split(_NEXT.sub(r" \1 ", command)) or [""]
    return [formats.text_of(word) for word in ops.elements(command)]


def _output(how: str, text: Any) -> Any:
    """What a started program gives back: its text, its status, or both."""
    if how in ("subprocess.check_output", "subprocess.getoutput"):
        return text
    if how == "subprocess.getstatusoutput":
        return (0, text)
    if how in ("subprocess.call", "subprocess.check_call", "os.system"):
        return 0
    names = {"stdout": text, "returncode": 0, "stderr": UNKNOWN}
    return Instance(Class("CompletedProcess", {}, [Outside("subprocess.Popen")]), names)


def _substituted(pattern: str, by: str, text: str) -> Any:
    if methods.matching("search", pattern, text) is NotImplemented or hidden(by):
        return "\0"
    try:
        return ops.bounded(re.sub(str(pattern), str(by), str(text)))
    except (re.error, IndexError):
        return "\0"
