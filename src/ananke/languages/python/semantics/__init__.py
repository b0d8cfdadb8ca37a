"""How Python's trees become formulas: lowering to small programs, and what operators mean.

`lowering.py` and `expressions.py` turn trees into statements and expressions; `operators.py` is
the table of what they mean; `literals.py` finds what literals of numbers are for.
"""
