"""Domains: each answers, for a prefix and a token, whether some completion is valid for it.

`state.py` is the protocol that a session drives; `syntax/` is the first domain.

**Invariant:** no domain knows another, and none knows the session.
"""

from ananke.domains.state import DomainState

#: The domains that this build has, by the names a spec uses.
BUILT_DOMAINS: tuple[str, ...] = ("syntax",)

__all__ = ["BUILT_DOMAINS", "DomainState"]
