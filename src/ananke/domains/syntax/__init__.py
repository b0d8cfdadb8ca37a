"""The syntax domain: can the bytes go on to a text of the language, and of the user's grammar?

Two judges with one protocol (`domains/state.py`); where a spec names both, both must admit:

- `program.py`: the language's own grammar, by our incremental parser.
- `user_grammar.py`: the user's grammar, by llguidance. `ebnf.py` and `structural_tag.py` translate
  what serving engines' users write into llguidance's own format; `token_table.py` gives
  llguidance our vocabulary.

**Invariant:** the language's grammar sees prefix, generated text and suffix; the user's grammar
sees the generated text only.
"""
