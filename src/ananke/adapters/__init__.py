"""One module per serving engine, each small: translate its hook into calls on `Session`.

**Invariant:** only here may an engine or torch be imported, and only by the module named after it.
"""
