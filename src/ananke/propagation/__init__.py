"""Facts that follow from facts of other domains, and why.

`edges.py` runs declared monotone edges to a fixpoint and keeps how each fact was derived;
`reasons.py` declares the edges that the rules of meaning realise (imports bind names for types,
flow narrows types, types follow from types) over what a text's statements did, and reads off the
chain of reasons for a defect.

**Invariant:** no language is known here, and nothing here judges: reasons explain a verdict, they
are no part of it.
"""

from ananke.propagation.edges import Edge, Solution, propagate
from ananke.propagation.reasons import Reason, reasons_for

__all__ = ["Edge", "Reason", "Solution", "propagate", "reasons_for"]
