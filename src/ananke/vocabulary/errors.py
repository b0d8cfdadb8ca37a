"""What goes wrong with a vocabulary."""

from __future__ import annotations


class VocabularyError(ValueError):
    """A vocabulary that can't be read or used; the message names the place and the mend."""
