"""The kernel suite's programs in an emulator of AMD's machine code. docs/kernels.md describes it."""
