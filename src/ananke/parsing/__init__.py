"""Language tables, parse states and nodes: the face of the native core."""

from __future__ import annotations

from ananke.parsing.classifier import Classifier, ClassifierStatistics, load_classifier
from ananke.parsing.grammar import Grammar, GrammarError, load_grammar
from ananke.parsing.language import Fold, Language, LanguageError, StateShape
from ananke.parsing.node import Node
from ananke.parsing.state import Expected, ParseError, ParseState

__all__ = [
    "Classifier",
    "ClassifierStatistics",
    "Expected",
    "Fold",
    "Grammar",
    "GrammarError",
    "Language",
    "LanguageError",
    "Node",
    "ParseError",
    "ParseState",
    "StateShape",
    "load_classifier",
    "load_grammar",
]
