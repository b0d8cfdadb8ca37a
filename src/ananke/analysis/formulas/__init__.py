"""What programs mean, as formulas: terms, and the small programs that languages lower theirs to.

`sorts.py` and `terms.py` are the formulas; `expressions.py` and `statements.py` what a language's
folder makes of its trees; `evaluation.py` turns an expression into a term at a place.

**Invariant:** nothing here asks a solver, and nothing knows a language: what an operator means
is a rule of the language's table.
"""
