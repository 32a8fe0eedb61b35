"""The history of torch's exported symbols: which releases can satisfy a compiled extension."""

from gpufix.knowledge.symbols.history import NameHistory, SymbolHistory
from gpufix.knowledge.symbols.judgement import BREAKS, Judgement, LayoutBreak, Promise
from gpufix.knowledge.symbols.matching import Library, judge
from gpufix.knowledge.symbols.symbol_table import SymbolTableError

__all__ = [
    "BREAKS",
    "Judgement",
    "LayoutBreak",
    "Library",
    "NameHistory",
    "Promise",
    "SymbolHistory",
    "SymbolTableError",
    "judge",
]
