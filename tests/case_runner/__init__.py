"""The runner of the Markdown cases in `tests/cases`; the form of a case is in its README.

Text becomes cases (`reading`), a case is asked of an engine (`engine`) mark by mark (`checking`),
then come the laws that hold for every case (`laws`), and with `--oracle` the real compiler's word
(`evidence`, `oracles`).
"""
