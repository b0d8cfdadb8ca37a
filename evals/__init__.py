"""Evaluations: the engine against other judges, on real code.

Each program (`python -m evals NAME`) compares the engine with something that it does not share
code with: tree-sitter's own runtime, the languages' compilers, and brute force. Programs write
their figures into `docs/results.md` and their raw rows under `evals/out/`; a missed target makes
the exit code 1.
"""
