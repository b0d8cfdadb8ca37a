"""What must not happen in one request stays that request's own: the only place that catches it.

Engines run many requests in one loop, and what raises there ends the server. So each adapter puts
its calls of a session into `boundary`, and answers `RequestFailed` by ending or refusing the one
request; none ever goes on without its mask (docs/decisions/0019-boundary.md).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ananke.spec import ConstraintSpec

_log = logging.getLogger(__name__)


class RequestFailed(Exception):  # noqa: N818 - it says what happened
    """A fault of Ananke's own in one request; the text is for who sent it."""


@contextmanager
def boundary(doing: str, spec: ConstraintSpec | None, *answered: type[Exception]) -> Iterator[None]:
    """Raises RequestFailed for what is not among the `answered`, and logs it with its traceback.

    Args:
        doing: what was done, for the log.
        spec: the request's; None where it is not read yet, or where several are served at once.
        answered: what the caller itself knows how to answer; it passes.
    """
    try:
        yield
    except answered:
        raise
    except Exception as error:
        name = "unread" if spec is None else spec.fingerprint
        _log.exception("%s: an internal error, spec %s", doing, name)
        raise RequestFailed(
            f"an internal error of ananke ({type(error).__name__}) while {doing}; the server's log "
            f"has it under spec {name[:12]}"
        ) from error
