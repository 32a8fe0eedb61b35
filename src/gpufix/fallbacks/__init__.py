"""Replacements of extensions, in plain Python: installed in their place where none can be built.

A fallback is a folder here: `about.json` says what it replaces, `payload/` is what is installed at
the top of site-packages. It imports torch and itself, never gpufix; what several share,
`common/tiers.py` and `common/native.py`, is placed as `<first import package>/_gpufix_*.py`.
"""
