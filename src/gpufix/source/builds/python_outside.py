"""What a build file in Python calls outside the project: builtins, os, files, programs, versions."""

from __future__ import annotations

import ast
import fnmatch
import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator
from itertools import islice, product
from typing import Any

from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.python_run import BuildPython
from gpufix.source.builds.python_values import (
    Arguments,
    Bag,
    Lambda,
    OpenFile,
    OutsideMethod,
    Partial,
    Release,
    Rest,
    Super,
    hidden,
    same,
)
from gpufix.source.builds.run import Started
from gpufix.source.python.import_guards import classes_of, kinds_by_name, kinds_of
from gpufix.source.python.import_values import (
    UNKNOWN,
    Bound,
    Class,
    Frame,
    Function,
    Instance,
    Module,
    Outside,
    PathText,
    Raised,
    Spec,
    Unknown,
)
from gpufix.source.python.import_world import Fails
from gpufix.source.python.tree import NotPython, parsed

_SILENT = re.compile(
    r"(?:print|warnings\.\w+|logging\.\w+|(?:distutils\.)?log\.\w+|os\.(?:makedirs|mkdir|remove|unlink|rename|replace|"
    r"symlink|chmod|rmdir|removedirs|utime)|shutil\.(?!which)\w+|sys\.(?:stdout|stderr)\.\w+|time\.sleep|"
    r"traceback\.\w+|multiprocessing\.\w+|setuptools\.dist\..*|setuptools\.distutils\..*)"
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
_FETCHES = {"urllib.request.urlretrieve", "urllib.request.urlopen", "requests.get", "wget.download"}
_NVCC = """nvcc: NVIDIA (R) Cuda compiler driver
Copyright (c) 2005-2025 NVIDIA Corporation
Built on Wed_Jan__1_00:00:00_PST_2025
Cuda compilation tools, release {0}, V{0}.48
Build cuda_{0}.r{0}/compiler.36424714_0
"""


class BuildOutside(BuildPython):
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

    # Files

    def absolute(self, path: Any) -> str:
        """A path from the working folder on, or as it is."""
        return posixpath.normpath(posixpath.join(self.cwd, str(path)))

    def _of_files(self, name: str, args: list[Any], named: dict[Any, Any], _: Frame) -> Any:
        first = args[0] if args else next(iter(named.values()), None)
        if name.startswith(("os.path.", "posixpath.")):
            return self._of_paths(name.rpartition(".")[2], args)
        if name in ("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath"):
            if not args:
                return PathText(".")
            known = all(isinstance(a, str) for a in args)
            return PathText(posixpath.join(*args)) if known else Unknown("a path")
        if name in ("open", "io.open", "codecs.open"):
            return self._open(first, args[1] if len(args) > 1 else named.get("mode", "r"))
        if name in ("glob.glob", "glob.iglob"):
            base = named.get("root_dir")
            return self._globbed(first, bool(named.get("recursive")), base)
        if name in ("os.listdir", "os.scandir", "os.walk", "setuptools.findall", "os.fwalk"):
            where = first if args else "."
            return self._folder(name.rpartition(".")[2], where)
        if name in ("os.getcwd", "os.curdir", "pathlib.Path.cwd"):
            return PathText(self.cwd) if name[0] == "p" else self.cwd
        if name == "os.chdir":
            self.cwd = self.absolute(first) if isinstance(first, str) else self.cwd
            return None
        if name in ("os.fspath", "os.fsdecode"):
            return str(first) if isinstance(first, str) else first
        if name == "shutil.which":
            return self._which(first)
        if name in ("shutil.copytree", "shutil.copy", "shutil.copy2", "shutil.copyfile"):
            return self._copied(args)
        if name in ("json.load", "json.loads"):
            text = first.text if isinstance(first, OpenFile) else first
            return _json(text)
        return NotImplemented

    def _of_paths(self, name: str, args: list[Any]) -> Any:
        first = args[0] if args else None
        if name == "join":
            if not all(isinstance(a, (str, Unknown, Outside)) for a in args) or not args:
                if any(a is None for a in args):
                    raise ops.raises(
                        "TypeError", "expected str, bytes or os.PathLike, not NoneType"
                    )
                return Unknown("a path")
            return posixpath.join(*(str(a) if isinstance(a, str) else "\0" for a in args))
        if not isinstance(first, str):
            if first is None:
                raise ops.raises("TypeError", "expected str, bytes or os.PathLike, not NoneType")
            return Unknown(f"os.path.{name}({ops.shown(first)})")
        if name in ("exists", "isfile", "isdir", "lexists", "islink"):
            return self._on_disk(name, first)
        if name in ("abspath", "realpath"):
            return self.absolute(first)
        if name == "relpath":
            start = args[1] if len(args) > 1 else self.cwd
            if hidden(first) or not isinstance(start, str) or hidden(start):
                return first
            return posixpath.relpath(self.absolute(first), self.absolute(start))
        if name in ("dirname", "basename", "splitext", "split", "isabs", "normpath"):
            return getattr(posixpath, name)(str(first))
        return Unknown(f"os.path.{name}({ops.shown(first)})")

    def _on_disk(self, how: str, path: str) -> Any:
        unknown = Unknown(f"{self._short(path)} is there")
        if hidden(path):
            return unknown
        full = self.absolute(path)
        self.ask("file", self.relative(full))
        if full in self._of_toolkit():
            return how not in ("isdir", "is_dir", "islink", "is_symlink")
        if how in ("isdir", "is_dir"):
            found = self.files.is_folder(full)
        elif how in ("islink", "is_symlink"):
            found = False
        else:
            found = self.files.exists(full)
            if found and how in ("isfile", "is_file"):
                folder = self.files.is_folder(full)
                found = None if folder is None else not folder
        return unknown if found is None else found

    def _of_toolkit(self) -> tuple[str, ...]:
        """The programs of the CUDA toolkit that are surely there."""
        home = self.build.cuda_home
        return (f"{home}/bin/nvcc",) if home not in (None, "?") and self.build.nvcc else ()

    def _short(self, path: str) -> str:
        return str(path).replace("\0", "…")[:120]

    def _open(self, path: Any, mode: Any) -> Any:
        if not isinstance(path, str) or hidden(path):
            return OpenFile("?", None)
        full = self.absolute(path)
        if isinstance(mode, str) and any(c in mode for c in "wax+"):
            return OpenFile(full, None, writes=True)
        if self.files.exists(full) is False and full.startswith(f"{self.build.root}/"):
            raise ops.raises("FileNotFoundError", f"No such file or directory: '{path}'")
        return OpenFile(full, self.files.text(full))

    def _globbed(self, pattern: Any, recursive: bool, base: Any = None) -> Any:
        if not isinstance(pattern, str) or hidden(pattern):
            return [Rest(f"the files {ops.shown(pattern)}")]
        start = self.absolute(base) if isinstance(base, str) else self.cwd
        full = posixpath.normpath(posixpath.join(start, str(pattern)))
        found = list(self._matching(full, recursive))
        if not self._below(full):
            return [Rest(f"the files {pattern}")]
        if pattern.startswith("/"):
            return found
        lead = "./" if pattern.startswith("./") else ""
        return [lead + posixpath.relpath(path, start) for path in found]

    def _below(self, path: str) -> bool:
        return path == self.build.root or path.startswith(f"{self.build.root}/")

    def _matching(self, pattern: str, recursive: bool) -> Iterator[str]:
        """Paths below the project that a pattern matches, folder after folder."""
        if not self._below(pattern):
            return
        parts = [p for p in pattern[len(self.build.root) :].split("/") if p]
        yield from self._match_parts(self.build.root, parts, recursive)

    def _match_parts(self, folder: str, parts: list[str], recursive: bool) -> Iterator[str]:
        self.step()
        if not parts:
            yield folder
            return
        part, rest = parts[0], parts[1:]
        if part == "**" and recursive:
            yield from self._match_parts(folder, rest, recursive)
            for name in self._names(folder):
                if name[:1] != "." and self.files.is_folder(f"{folder}/{name}"):
                    yield from self._match_parts(f"{folder}/{name}", parts, recursive)
            return
        if not any(c in part for c in "*?["):
            if self.files.exists(f"{folder}/{part}"):
                yield from self._match_parts(f"{folder}/{part}", rest, recursive)
            return
        for name in self._names(folder):
            fits = fnmatch.fnmatchcase(name, part) and (name[:1] != "." or part[:1] == ".")
            if fits and (not rest or self.files.is_folder(f"{folder}/{name}")):
                yield from self._match_parts(f"{folder}/{name}", rest, recursive)

    def _names(self, folder: str) -> list[str]:
        names = sorted(self.files.names_in(folder) or ())
        self.steps += len(names)
        return names

    def _folder(self, how: str, folder: Any) -> Any:
        if not isinstance(folder, str) or hidden(folder):
            return [Rest(f"the files in {ops.shown(folder)}")]
        full = self.absolute(folder)
        if not self._below(full) or self.files.names_in(full) is None:
            return [Rest(f"the files in {folder}")]
        if how == "listdir":
            if self.files.is_folder(full) is False:
                raise ops.raises("FileNotFoundError", f"No such file or directory: '{folder}'")
            return self._names(full)
        if how == "walk":
            return list(self._walked(str(folder), full, 0))
        return [Rest(f"the files in {folder}")]

    def _walked(self, shown: str, full: str, depth: int) -> Iterator[tuple[Any, ...]]:
        self.step()
        names = self._names(full)
        folders = [n for n in names if self.files.is_folder(f"{full}/{n}")]
        yield shown, folders, [n for n in names if n not in set(folders)]
        for name in folders if depth < 12 else ():
            yield from self._walked(posixpath.join(shown, name), f"{full}/{name}", depth + 1)

    def _copied(self, args: list[Any]) -> Any:
        """What is copied lies in two places from there on."""
        if len(args) > 1 and all(isinstance(a, str) and not hidden(a) for a in args[:2]):
            source = self.absolute(args[0])
            if self._below(source) and self.files.exists(source) is False:
                raise ops.raises("FileNotFoundError", f"No such file or directory: '{args[0]}'")
            self.files.copied(source, self.absolute(args[1]))
        return args[1] if len(args) > 1 else UNKNOWN

    def _which(self, program: Any) -> Any:
        if program == "nvcc" and self.build.cuda_home != "?":
            home = self.build.cuda_home
            return f"{home}/bin/nvcc" if home and self.build.nvcc else None
        if program in ("nvidia-smi", "rocm-smi", "rocminfo"):
            self.ask("gpu", str(program))
            return None if self.build.gpu is False else Unknown(f"{program} is there")
        if program in ("hipcc",):
            return f"{self.build.rocm_home}/bin/hipcc" if self.build.rocm_home else None
        return Unknown(f"{ops.shown(program)} is there")

    def _of_path_object(self, owner: PathText, name: str, args: list[Any]) -> Any:
        first = args[0] if args else None
        if name in ("exists", "is_file", "is_dir", "is_symlink"):
            return self._on_disk(name, owner)
        if name in ("glob", "rglob", "iterdir"):
            part = str(first) if isinstance(first, str) else "*"
            part = f"**/{part}" if name == "rglob" else part
            found = self._globbed(posixpath.join(owner, part), True)
            return [PathText(f) if isinstance(f, str) else f for f in found]
        if name in ("read_text", "open", "read_bytes"):
            opened = self._open(owner, first if name == "open" and first else "r")
            if name == "open":
                return opened
            return opened.text if opened.text is not None else "\0"
        if name in ("resolve", "absolute"):
            return PathText(self.absolute(owner))
        if name in ("as_posix", "__str__", "__fspath__"):
            return str(owner)
        if name == "relative_to" and isinstance(first, str):
            return PathText(posixpath.relpath(self.absolute(owner), self.absolute(first)))
        if name in ("joinpath", "with_name", "with_suffix", "expanduser"):
            return super().of_value(owner, name, args)
        if name in ("match",) and isinstance(first, str):
            return fnmatch.fnmatch(str(owner), str(first))
        if name in ("mkdir", "unlink", "write_text", "touch", "rename", "write_bytes"):
            return None
        return ops.text_method(str(owner), name, args, {})

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
            said = ops.text_of(first) if isinstance(first, str) else f"exit status {first or 0}"
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
            return everything if name == "copy" else ops.dict_method(everything, name, [], {})
        return Unknown(f"os.environ.{name}()")

    def _started(self, how: str, command: Any, named: dict[Any, Any]) -> Any:
        words = _words(command)
        self.started.append(Started(tuple(words), self.at))
        program = posixpath.basename(words[0]) if words else ""
        fails = Fails(kinds_by_name("FileNotFoundError"), said=f"No such file: '{words[:1]}'")
        out = Unknown(f"what {' '.join(words)[:80]} prints".replace("\0", "…"))
        if program == "nvcc" and any(w in ("-V", "--version", "-v") for w in words):
            self.ask("nvcc", "release")
            if self.build.nvcc is None and self.build.cuda_home != "?":
                raise fails
            if self.build.nvcc not in (None, "?"):
                return _output(how, _NVCC.format(self.build.nvcc))
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
        told = ops.matching(how, pattern, text, flags[0] if flags else 0)
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

    # Builtins

    def _builtin(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        if name in ("exec", "eval"):
            return self._executed(name, args, frame)
        if name == "compile":
            return args[0] if args else UNKNOWN
        if name == "super":
            return self._super(args, frame)
        if name in ("getattr", "hasattr", "setattr"):
            return self._member(name, args)
        if name in ("isinstance", "issubclass", "callable", "type"):
            return self._kind(name, args)
        if name in ("globals", "locals", "vars"):
            return frame.module.names if name == "globals" else frame.names
        if name in ("map", "filter") and len(args) > 1:
            made = [
                self.apply(args[0], [e], {}, frame) if args[0] else e for e in ops.elements(args[1])
            ]
            if name == "map":
                return made
            pairs = zip(ops.elements(args[1]), made, strict=False)
            return [each for each, kept in pairs if self.decides(kept)]
        if name in ("sorted", "min", "max"):
            values = ops.elements(args[0]) if len(args) == 1 else list(args)
            return self._best(name, self._sorted(values, named), named)
        function = _SIMPLE.get(name)
        if function is not None:
            try:
                return function(args, named)
            except (TypeError, ValueError, IndexError, OverflowError):
                return Unknown(f"{name}({', '.join(map(ops.shown, args))})")
        if name in ("any", "all"):
            ends = name == "any"
            for each in ops.elements(args[0]) if args else ():
                if self.decides(each) is ends:
                    return ends
            return not ends
        if name == "bool":
            return self.decides(args[0]) if args else False
        if name in ("int", "float"):
            return self._number(name, args)
        if name in _EXCEPTIONS_MADE:
            return Raised(Fails(kinds_by_name(name), said=ops.text_of(args[0]) if args else ""))
        return NotImplemented

    def _number(self, name: str, args: list[Any]) -> Any:
        value = args[0] if args else 0
        if isinstance(value, str) and not hidden(value) and len(value) < 400:
            base = args[1] if len(args) > 1 and isinstance(args[1], int) else 10
            try:
                return int(value, base) if name == "int" else float(value)
            except ValueError as error:
                raise ops.raises("ValueError", str(error)) from None
        if isinstance(value, (int, float)) and value == value and abs(value) < 1e30:
            return int(value) if name == "int" else float(value)
        if value is None:
            raise ops.raises("TypeError", f"{name}() argument must be a string or a number")
        return Unknown(f"{name}({ops.shown(value)})")

    def _sorted(self, values: list[Any], named: dict[Any, Any]) -> list[Any]:
        key, backwards = named.get("key"), bool(named.get("reverse"))
        if key is None:
            return ops.ordered(values, backwards)
        frame = Frame(Module("", self.path, ""), {})
        keys = [self.apply(key, [each], {}, frame) for each in values]
        wanted = ops.ordered(keys, backwards)
        if not ops.plain(keys):
            return list(values)
        left, found = list(range(len(values))), []
        for each in wanted:
            at = next((i for i in left if same(keys[i], each)), None)
            if at is not None:
                left.remove(at)
                found.append(values[at])
        return found if len(found) == len(values) else list(values)

    def _best(self, name: str, values: list[Any], named: dict[Any, Any]) -> Any:
        if name == "sorted":
            return values
        if not values:
            if "default" in named:
                return named["default"]
            raise ops.raises("ValueError", f"{name}() arg is an empty sequence")
        if not all(ops.plain(each) for each in values):
            return Unknown(f"{name}({ops.shown(values[0])}, …)")
        return values[0] if name == "min" else values[-1]

    def _super(self, args: list[Any], frame: Frame) -> Any:
        if len(args) == 2 and isinstance(args[0], Class):
            return Super(args[0], args[1])
        at: Frame | None = frame
        while at is not None and "__function__" not in at.names:
            at = at.above
        function = at.names["__function__"] if at else None
        if not isinstance(function, Function) or function.of is None or at is None:
            return Unknown("super()")
        first = function.node.args.args[0].arg if function.node.args.args else ""
        return Super(function.of, at.names.get(first, UNKNOWN))

    def _member(self, name: str, args: list[Any]) -> Any:
        if len(args) < 2 or not isinstance(args[1], str):
            return Unknown(f"{name}()")
        owner, key = args[0], str(args[1])
        if name == "setattr":
            if isinstance(owner, (Instance, Module, Class)) and len(args) > 2:
                owner.names[key] = args[2]
            return None
        there = self.has_member(owner, key)
        if name == "hasattr":
            if there is None:
                return Unknown(f"{ops.shown(owner)} has {key}")
            return there
        if there is False or (there is None and len(args) > 2):
            if there is None and self.choices.choose(f"{ops.shown(owner)} has {key}", self.at):
                return self.attribute_of(owner, key)
            if len(args) > 2:
                return args[2]
            raise ops.raises("AttributeError", f"no attribute '{key}'")
        return self.attribute_of(owner, key)

    def has_member(self, owner: Any, name: str) -> bool | None:
        """Whether a value has an attribute; None: only a run would tell."""
        if isinstance(owner, Instance) and name in owner.names:
            return True
        if isinstance(owner, (Instance, Class)):
            kind = owner.of if isinstance(owner, Instance) else owner
            if any(name in each.names for each in kind.every()):
                return True
            return None if self.outside_base(kind) else False
        if isinstance(owner, Module):
            return name in owner.names
        if isinstance(owner, Arguments):
            return name in owner.values
        if isinstance(owner, Outside):
            told = self._told(Outside(f"{owner.name}.{name}"))
            return None if isinstance(told, (Outside, Unknown)) else True
        return None

    def _kind(self, name: str, args: list[Any]) -> Any:
        value = args[0] if args else None
        if name == "callable":
            return isinstance(value, (Function, Bound, Class, Lambda, Partial, OutsideMethod))
        if name == "type":
            if isinstance(value, Instance):
                return value.of
            for kind, label in _TYPES:
                if isinstance(value, kind):
                    return Outside(label)
            return Unknown(f"type({ops.shown(value)})")
        if len(args) < 2:
            return UNKNOWN
        if isinstance(value, Raised):
            taken = classes_of(args[1])
            return UNKNOWN if taken is None else bool(taken & value.failure.kinds)
        wanted = args[1] if isinstance(args[1], (tuple, list)) else (args[1],)
        verdicts = [self._is_a(value, each, name) for each in wanted]
        if True in verdicts:
            return True
        return Unknown(f"{name}({ops.shown(value)})") if None in verdicts else False

    def _is_a(self, value: Any, kind: Any, how: str) -> bool | None:
        if isinstance(kind, Class):
            of = value.of if isinstance(value, Instance) else value
            return (
                kind in of.every() if isinstance(of, Class) else isinstance(value, Unknown) and None
            )
        if not isinstance(kind, Outside) or isinstance(value, (Unknown, Outside)):
            return None
        if how == "isinstance" and isinstance(value, Instance):
            names = kinds_of(value) or frozenset()
            last = kind.name.rpartition(".")[2]
            return last in names or last == value.of.name or self._derives(value.of, last)
        label = next((label for each, label in _TYPES if isinstance(value, each)), "")
        if kind.name in ("int", "float") and label == "bool":
            return kind.name == "int"
        return kind.name.rpartition(".")[2] == label or (kind.name == "str" and label == "str")

    def _derives(self, kind: Class, name: str) -> bool:
        return self.outside_base(kind).rpartition(".")[2] == name

    def _executed(self, name: str, args: list[Any], frame: Frame) -> Any:
        code = args[0] if args else None
        if not isinstance(code, str) or hidden(code) or len(code) > 200_000:
            self.doubt(f"what {name}() runs")
            return Unknown(f"{name}()")
        if name == "eval":
            return self._evaluated(str(code), frame)
        try:
            tree = parsed(str(code))
        except NotPython:
            raise ops.raises("SyntaxError", "invalid syntax") from None
        names = args[1] if len(args) > 1 and isinstance(args[1], dict) else frame.names
        if len(args) > 2 and isinstance(args[2], dict):
            names = args[2]
        with self.deeper():
            self.block(
                tree.body, Frame(frame.module, names, frame if names is frame.names else None)
            )
        return None

    def _evaluated(self, code: str, frame: Frame) -> Any:
        try:
            tree = ast.parse(code.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ops.raises("SyntaxError", "invalid syntax") from None
        with self.deeper():
            return self.value(tree.body, frame)


_HTTP = kinds_by_name("OSError") | {"URLError", "HTTPError", "RequestException", "ConnectionError"}
_EXCEPTIONS_MADE = frozenset({"Exception", "RuntimeError", "ValueError", "ImportError", "OSError"})
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (PathText, "Path"),
    (str, "str"),
    (Bag, "set"),
    (list, "list"),
    (tuple, "tuple"),
    (dict, "dict"),
    (type(None), "NoneType"),
)
_CONSTANTS: dict[str, Any] = {
    "os.curdir": ".", "os.pardir": "..", "os.path.curdir": ".", "os.path.pardir": "..", "os.linesep": "\n", "os.extsep": ".", "os.altsep": None,
    "re.M": int(re.M), "re.MULTILINE": int(re.M), "re.I": int(re.I), "re.IGNORECASE": int(re.I),
    "re.S": int(re.S), "re.DOTALL": int(re.S), "re.X": int(re.X), "re.VERBOSE": int(re.X),
    "subprocess.PIPE": -1, "subprocess.STDOUT": -2, "subprocess.DEVNULL": -3,
    "math.inf": 10**9,
    "platform.uname().machine": "x86_64", "platform.uname().system": "Linux",
}  # fmt: skip


def _length(args: list[Any], _: dict[Any, Any]) -> Any:
    value = args[0]
    if isinstance(value, (list, tuple)) and any(isinstance(each, Rest) for each in value):
        return Unknown(f"len({ops.shown(value)})")
    if isinstance(value, (str, list, tuple, dict)) and not hidden(value):
        return len(value)
    return Unknown(f"len({ops.shown(value)})")


def _range(args: list[Any], _: dict[Any, Any]) -> Any:
    if not all(isinstance(a, int) for a in args):
        return [Rest("a range")]
    return list(range(*args)[: ops.MOST])


def _dict(args: list[Any], named: dict[Any, Any]) -> Any:
    made: dict[Any, Any] = {}
    if args:
        if isinstance(args[0], dict):
            made |= args[0]
        elif isinstance(args[0], Outside) and args[0].name == "os.environ":
            made[Rest("variables")] = UNKNOWN
        else:
            for pair in ops.elements(args[0]):
                if isinstance(pair, (list, tuple)) and len(pair) == 2 and ops.hashable(pair[0]):
                    made[pair[0]] = pair[1]
    return {**made, **named}


def _sum(args: list[Any], _: dict[Any, Any]) -> Any:
    total: Any = args[1] if len(args) > 1 else 0
    for each in ops.elements(args[0]):
        total = ops.joined(ast.Add(), total, each)
    return total


def _next(args: list[Any], _: dict[Any, Any]) -> Any:
    values = ops.elements(args[0])
    if values:
        return values.pop(0) if not isinstance(args[0], list) else args[0].pop(0)
    if len(args) > 1:
        return args[1]
    raise ops.raises("StopIteration", "")


def _text(args: list[Any], _: dict[Any, Any]) -> Any:
    value = args[0] if args else ""
    if isinstance(value, Raised):
        return value.failure.said or "\0"
    return ops.text_of(value)


_SIMPLE: dict[str, Callable[[list[Any], dict[Any, Any]], Any]] = {
    "len": _length,
    "range": _range,
    "str": _text,
    "repr": lambda args, _: repr(str(args[0]))
    if isinstance(args[0], str)
    else ops.text_of(args[0]),
    "list": lambda args, _: ops.elements(args[0]) if args else [],
    "tuple": lambda args, _: tuple(ops.elements(args[0])) if args else (),
    "set": lambda args, _: Bag.of(ops.elements(args[0])) if args else Bag(),
    "frozenset": lambda args, _: Bag.of(ops.elements(args[0])) if args else Bag(),
    "collections.OrderedDict": _dict,
    "collections.defaultdict": lambda args, named: _dict(args[1:], named),
    "dict": _dict,
    "enumerate": lambda args, named: list(
        enumerate(ops.elements(args[0]), args[1] if len(args) > 1 else named.get("start", 0))
    ),
    "zip": lambda args, _: list(zip(*map(ops.elements, args), strict=False)),
    "reversed": lambda args, _: ops.elements(args[0])[::-1],
    "iter": lambda args, _: ops.elements(args[0]),
    "next": _next,
    "sum": _sum,
    "abs": lambda args, _: abs(args[0]),
    "round": lambda args, _: round(args[0], *args[1:2]),
    "divmod": lambda args, _: divmod(args[0], args[1]),
    "hex": lambda args, _: hex(args[0]),
    "chr": lambda args, _: chr(args[0]),
    "ord": lambda args, _: ord(args[0]),
    "id": lambda _args, _: 1,
    "object": lambda _args, _: UNKNOWN,
}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: list(v) if type(v) is list else v for k, v in value.items()}
    if isinstance(value, list):
        return type(value)(list(v) if type(v) is list else v for v in value)
    if isinstance(value, Instance):
        return Instance(value.of, dict(_copied(value.names)))
    return value


def _json(text: Any) -> Any:
    if not isinstance(text, str) or hidden(text) or len(text) > 200_000:
        return Unknown("what a JSON file holds")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ops.raises("JSONDecodeError", "Expecting value") from None


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return [text]


def _words(command: Any) -> list[str]:
    if isinstance(command, str):
        return _split(command) or [""]
    return [ops.text_of(word) for word in ops.elements(command)]


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
    if ops.matching("search", pattern, text) is NotImplemented or hidden(by):
        return "\0"
    try:
        return ops.bounded(re.sub(str(pattern), str(by), str(text)))
    except (re.error, IndexError):
        return "\0"
