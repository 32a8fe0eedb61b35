"""What a build file in Python asks of files: paths, globs, folders, texts."""

from __future__ import annotations

import fnmatch
import json
import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from gpufix.source import toml_text
from gpufix.source.builds import python_methods as methods
from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.python_builtins import WithBuiltins
from gpufix.source.builds.python_values import (
    OpenFile,
    Rest,
    hidden,
)
from gpufix.source.python.import_guards import kinds_by_name
from gpufix.source.python.import_operations import method
from gpufix.source.python.import_values import (
    UNKNOWN,
    Frame,
    Outside,
    PathText,
    Unknown,
)
from gpufix.source.python.import_world import Fails

_TOML = tuple(
    f"{module}.{how}" for module in ("tomllib", "tomli", "toml") for how in ("load", "loads")
)


class WithFiles(WithBuiltins):
    """Answers from the files of the project; nothing else is opened."""

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
            return _parsed("JSON", json.loads, text)
        if name in _TOML:
            text = first.text if isinstance(first, OpenFile) else first
            if name == "toml.load" and isinstance(first, str):
                text = self._open(first, "r").text
            return _parsed("TOML", toml_text.parse, text)
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
        if name == "dirname" and "\0" in str(first).rpartition("/")[2]:
            return str(first)[
                : str(first).rindex("\0") + 1
            ]  # the unknown part may be several folders
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
        return unknown if found is None or (not found and self._named(full)) else found

    def _named(self, full: str) -> bool:
        """Whether a program that was started before is told of a file: it may have written it."""
        words = {word for each in self.started for word in each.arguments}
        return full in words or self.relative(full) in words

    def _made(self, full: str) -> bool:
        """The same, or whether it is told of a folder around the file, or runs in one."""
        if self._named(full):
            return True
        words = {word for each in self.started for word in each.arguments}
        told = {word.rpartition("=")[2].removeprefix("-B").rstrip("/") for word in words}
        while self._below(full) and full not in (self.build.root, self.folder):
            if full in told or self.relative(full) in told or full in self.worked_in:
                return True
            full = posixpath.dirname(full)
        return False

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
        gone = self.files.exists(full) is False and not self._made(full)
        if gone and full.startswith(f"{self.build.root}/"):
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
            gone = self.files.exists(source) is False and not self._made(source)
            if gone and self._below(source):
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
        if isinstance(program, str) and program in self.build.programs:
            return self.build.programs[program]
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
            return method(owner, name, args)
        if name in ("match",) and isinstance(first, str):
            return fnmatch.fnmatch(str(owner), str(first))
        if name in ("mkdir", "unlink", "write_text", "touch", "rename", "write_bytes"):
            return None
        return methods.text_method(str(owner), name, args, {})


def _parsed(kind: str, parse: Callable[[str], Any], text: Any) -> Any:
    if not isinstance(text, str) or hidden(text) or len(text) > 200_000:
        return Unknown(f"what a {kind} file holds")
    try:
        return parse(text)
    except (ValueError, RecursionError):
        kinds = kinds_by_name("ValueError") | {f"{kind}DecodeError"}
        raise Fails(kinds, said=f"no {kind}") from None
