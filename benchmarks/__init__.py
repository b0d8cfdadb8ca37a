"""Benchmarks: speed of masks and acceptance, side by side with peers and naive baselines.

`python -m benchmarks` measures everything in one run on one machine over one vocabulary of 151k
tokens, and writes the section *bench* of `docs/results.md`. Figures are medians and 99th
percentiles of single calls, the Python call included, in microseconds.
"""
