"""Typed holes: finding them in a text, and filling them one by one.

`text.py` reads which places are holes, `region.py` keeps what is written inside of its hole,
`filling.py` searches for fills that all hold together.

**Invariant:** nothing here knows a language or a model: a language finds the holes (`analysis/
holes.py`), and whoever calls brings the writer.
"""

from ananke.holes.filling import Attempt, Draft, Filled, Limits, Task, Writer, fill
from ananke.holes.region import RegionState
from ananke.holes.text import Find, HoleText, find

__all__ = [
    "Attempt",
    "Draft",
    "Filled",
    "Find",
    "HoleText",
    "Limits",
    "RegionState",
    "Task",
    "Writer",
    "fill",
    "find",
]
