"""Ananke: masks every token that would make the code being generated wrong."""

__version__ = "0.1.0"

__all__ = ["__version__"]
