"""The semantics domain: what code must mean, by an SMT solver.

`contracts.py` reads what a spec asks; `entry.py` says what a function's calls are like,
`execution.py` follows it symbolically over `paths.py`, `solver.py` asks Z3, `verdicts.py` puts it
together and remembers. `state.py` is the judge that a session drives, `narrowing.py` takes refused
tokens out of a mask. `literals.py` is a judge of its own: of literals that have a bound, digit by
digit, without a solver.

**Invariant:** only what is proven refuses; where a question has no answer within its bounds, or a
run can't be followed, everything is admitted.
"""

from ananke.domains.semantics.literals import LiteralState, start_literals
from ananke.domains.semantics.state import SemanticsState, start_semantics

__all__ = ["LiteralState", "SemanticsState", "start_literals", "start_semantics"]
