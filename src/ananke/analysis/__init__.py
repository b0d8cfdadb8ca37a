"""The meaning of unfinished programs: types, declarations, scopes, defects.

Neutral of languages: what a language's syntax means is told by its folder.

**Invariant:** nothing here reads a file or names a language.
"""
