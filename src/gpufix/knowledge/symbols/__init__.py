"""The history of torch's exported symbols: which releases can satisfy a compiled extension."""

from gpufix.knowledge.symbols.history import NameHistory, SymbolHistory
from gpufix.knowledge.symbols.judgement import BREAKS, LayoutBreak, Promise, SymbolJudgement
from gpufix.knowledge.symbols.matching import LibrarySymbols, judge
from gpufix.knowledge.symbols.symbol_table import SymbolTableError

__all__ = [
    "BREAKS",
    "LayoutBreak",
    "LibrarySymbols",
    "NameHistory",
    "Promise",
    "SymbolHistory",
    "SymbolJudgement",
    "SymbolTableError",
    "judge",
]
