"""What Python programs mean: names, imports, types and control flow of unfinished ones.

`program.py` judges a text; `statements.py` and `expressions.py` read its parts; the rest are the
questions they ask.

**Invariant:** what is not understood is `UNKNOWN`, and unknown refuses nothing.
"""
