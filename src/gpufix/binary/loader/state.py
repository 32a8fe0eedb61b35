"""A process at one moment: what is loaded, and what opening one more library would do."""

from __future__ import annotations

import os
from itertools import chain

from gpufix.binary.elf import ElfError
from gpufix.binary.elf.bulk import Keys
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.mapping import Mapper
from gpufix.binary.loader.model import Missing, Process, Reason, Unusable, Used, Verdict
from gpufix.binary.loader.resolve import Loaded, Namespace, Resolver, closure, missing_versions
from gpufix.binary.loader.search import Search
from gpufix.binary.loader.static_tls import StaticTls, at_start
from gpufix.binary.loader.system import System, describe_system


class State:
    """Immutable: opening gives a verdict and a further state."""

    def __init__(
        self,
        mapper: Mapper,
        namespace: Namespace,
        caller: Loaded,
        tls: StaticTls,
        below: State | None = None,
    ) -> None:
        self.mapper = mapper
        self.namespace = namespace
        self.caller = caller
        self.tls = tls
        self.resolver: Resolver = Resolver(namespace, below.resolver if below else None)

    @property
    def system(self) -> System:
        return self.mapper.system

    def predict(self, path: str, context: str = "") -> Verdict:
        """What dlopen(path, RTLD_NOW) would do now."""
        return self._open(path, context)[0]

    def after(self, path: str, everywhere: bool) -> tuple[Verdict, State]:
        """The verdict, and the state once the library is open (unchanged when it does not load)."""
        verdict, layer, loaded = self._open(path, "")
        if loaded is None or not verdict.loads:
            return verdict, self
        if everywhere:
            layer.scope = list(dict.fromkeys((*layer.scope, *closure(loaded))))
        tls = self._static_tls(loaded)[0]
        return verdict, State(self.mapper, layer, self.caller, tls, self)

    def locate(self, name: str) -> str | None:
        """The file that dlopen("libx.so.1") would open; None when the search finds none."""
        caller, before = self.caller, len(self.caller.used)
        rules = self.mapper.search.rules(caller)
        found = self.mapper.need(Namespace(self.namespace), name, caller, rules)
        del caller.used[before:]
        return None if isinstance(found, Missing) else found.path

    def finds(self, name: str, opener: str) -> bool:
        """Whether dlopen("libx.so.1") by a library of this path finds anything."""
        library = self.mapper.files.open(opener)
        if self.locate(name) is not None or isinstance(library, ElfError):
            return self.locate(name) is not None
        caller = self.mapper.search.describe(Loaded(library, opener, None))
        rules = self.mapper.search.rules(caller)
        found = self.mapper.need(Namespace(self.namespace), name, caller, rules)
        return not isinstance(found, Missing)

    def find_library(self, name: str) -> str | None:
        """A file "libNAME.…" of the loader's cache and folders: "" for none, None = not told (musl)."""
        search, start = self.mapper.search, f"lib{name}."
        if search.system.musl:
            return None
        cached = (n for n in search.files.cache(search.system.cache) if n.startswith(start))
        folders = [folder for rule, folder in search.rules(self.caller) if rule != "cache"]
        held = (n for f in folders for n in search.files.names_in(f) if n.startswith(start))
        return min(chain(cached, (n for n in held if ".so" in n)), default="")

    def _open(self, path: str, context: str) -> tuple[Verdict, Namespace, Loaded | None]:
        layer = Namespace(self.namespace)
        try:
            loaded = self.mapper.open(layer, path, self.caller)
            if isinstance(loaded, Unusable):
                return Verdict(path, context, unusable=(loaded,)), layer, None
            return self._judge(layer, loaded, path, context), layer, loaded
        except ElfError as error:
            fault = Unusable(error.path, None, f"{error.where}: {error.what}")
            return Verdict(path, context, unusable=(fault,)), layer, None

    def _static_tls(self, root: Loaded) -> tuple[StaticTls, list[Unusable]]:
        objects = closure(root)
        fresh = [entry for entry in objects if self.namespace.same_file(entry.library) is None]
        try:
            return self.tls.after(fresh, [*self.namespace.scope, *objects])
        except ElfError:  # relocations that cannot be read tell nothing
            return self.tls, []

    def _judge(self, layer: Namespace, root: Loaded, path: str, context: str) -> Verdict:
        objects = closure(root)
        fresh = [entry for entry in objects if self.namespace.same_file(entry.library) is None]
        problems = [problem for entry in fresh for problem in entry.problems]
        missing = tuple(p for p in problems if isinstance(p, Missing))
        unusable = tuple(p for p in problems if isinstance(p, Unusable))
        versions = () if self.system.musl else tuple(missing_versions(layer, fresh))
        scope = [entry.library for entry in objects]
        undefined = tuple(u for entry in fresh for u in self.resolver.undefined(entry, scope))
        # Deeper down, what is there already was listed when it was found; of a failure all is told.
        failing = bool(undefined or versions)
        uses = tuple(
            Used(name, entry.path, used, _chosen(layer, name, reason) if failing else reason)
            for entry in fresh
            for name, used, reason in entry.used
            if failing or entry is root or reason != "already loaded"
        )
        blocked = bool(problems or versions)
        if not (blocked or undefined):
            unusable = tuple(self._static_tls(root)[1])
        return Verdict(
            path=path,
            context=context,
            missing=missing,
            unusable=unusable,
            versions=versions,
            undefined=() if blocked else undefined,
            undetermined=undefined if blocked else (),
            uses=uses,
            extension=root.library.extension,
        )


def _chosen(layer: Namespace, name: str, reason: Reason) -> Reason:
    """The rule by which a library was found, at first."""
    known = layer.named(name)
    if reason != "already loaded" or known is None or known.loader is None:
        return reason
    rules = (rule for _, path, rule in known.loader.used if path == known.path)
    return next((rule for rule in rules if rule != "already loaded"), reason)


def start(files: Files, process: Process) -> State:
    """The process when Python has started. Raises ElfError when the interpreter is no program."""
    path = os.path.realpath(process.interpreter)
    library = files.open(path)
    if isinstance(library, ElfError):
        raise library
    elf = library.elf
    system = describe_system(files, elf.interpreter or "", elf.machine, elf.bits)
    search = Search(files, system, process.environment.get("LD_LIBRARY_PATH", ""), path)
    program = Loaded(library, path, None)
    tunables = process.environment.get("GLIBC_TUNABLES", "")
    mapper = Mapper(files, system, search, program, tunables)
    namespace = Namespace()
    namespace.add(program, ("",))
    _enter_loader(mapper, namespace)
    preloaded = _preload(mapper, namespace, process.environment.get("LD_PRELOAD", ""))
    mapper.fill(namespace, program)
    scope = dict.fromkeys(closure(program)[:1] + preloaded + closure(program)[1:])
    namespace.scope = list(scope)
    tls = at_start(system, process.environment, namespace.members())
    return State(mapper, namespace, _caller(namespace, program), tls)


def _enter_loader(mapper: Mapper, namespace: Namespace) -> None:
    """ld.so is in every process, and found under its SONAME."""
    library = mapper.files.open(mapper.system.loader)
    if not isinstance(library, ElfError):
        loader = Loaded(library, mapper.system.loader, None)
        namespace.add(loader, (mapper.system.loader, library.elf.soname))


def _preload(mapper: Mapper, namespace: Namespace, names: str) -> list[Loaded]:
    """LD_PRELOAD: what cannot be found is skipped with a warning."""
    found = []
    rules = mapper.search.rules(mapper.program)
    for name in names.replace(":", " ").split():
        entry = mapper.need(namespace, name, mapper.program, rules)
        if isinstance(entry, Loaded):
            found.append(entry)
            mapper.fill(namespace, entry)
    mapper.program.used.clear()
    return found


def _caller(namespace: Namespace, program: Loaded) -> Loaded:
    """Who calls dlopen: the library that holds the interpreter, or the executable itself."""
    wanted = Keys(frozenset({b"PyImport_ImportModule"}), frozenset())
    for entry in namespace.scope:
        if entry is not program and entry.library.provided(wanted):
            return entry
    return program
