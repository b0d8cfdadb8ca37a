"""Domains: each answers, for a prefix and a token, whether some completion is valid for it.

`state.py` has the protocols that a session drives, `place.py` all states after one text.
`syntax/` holds the grammars: the language's and the user's. Every other domain is a *judge*: it
judges what the language's grammar admits.

**Invariant:** no domain knows another, and none knows the session.
"""

from ananke.domains.judges import BUILT_DOMAINS, start_judges
from ananke.domains.place import Place
from ananke.domains.state import DomainState, JudgeState

__all__ = ["BUILT_DOMAINS", "DomainState", "JudgeState", "Place", "start_judges"]
