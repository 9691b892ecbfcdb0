"""Reads of this part.

For staff and the parts above: `standings`, `standing_of`, `decisions_of`, `board`, `boards`, `evidence`, `stale_page`. For a
trainee's own eyes only `standing_page`, `own_page` and `rule_page`: they hold back marks until a result is released.
"""

from training.assessment.queries.board import FILTERS, BoardPage, BoardRow, BoardSummary, board, boards
from training.assessment.queries.evidence import EvidencePage, StalePage, evidence, stale_page
from training.assessment.queries.own import OwnPage, RulePage, StandingPage, StandingRow, own_page, rule_page, standing_page, standing_page_in
from training.assessment.queries.standings import (
    DecisionView,
    EntryView,
    ExtensionView,
    Standing,
    decisions_of,
    extensions_of,
    hash_of,
    later_limits,
    scheme_version,
    standing_of,
    standings,
    standings_if,
    standings_in,
)

__all__ = [
    "FILTERS", "BoardPage", "BoardRow", "BoardSummary", "DecisionView", "EntryView", "EvidencePage", "ExtensionView", "OwnPage", "RulePage",
    "StalePage", "Standing", "StandingPage", "StandingRow", "board", "boards", "decisions_of", "evidence", "extensions_of", "hash_of",
    "later_limits", "own_page", "rule_page", "scheme_version", "stale_page", "standing_of", "standing_page", "standing_page_in", "standings", "standings_if",
    "standings_in",
]
