"""Changes of this part: confirming a result issues the certificate; it may be issued anew or revoked; its paper is kept."""

from __future__ import annotations

from training.credentials.services.issuing import (
    AlreadyRevoked,
    Confirmed,
    NothingToReplace,
    OwnCredential,
    check_name_is_printable,
    confirm_and_issue,
    issue,
    issue_anew,
    revoke,
)
from training.credentials.services.papers import PaperDiffers, keep_paper, paper_of
from training.credentials.services.repair import Repair, issue_due
from training.credentials.services.throttle import TooManyTries, note_try

__all__ = [
    "AlreadyRevoked", "Confirmed", "NothingToReplace", "OwnCredential", "PaperDiffers", "Repair", "TooManyTries", "check_name_is_printable",
    "confirm_and_issue", "issue", "issue_anew", "issue_due", "keep_paper", "note_try", "paper_of", "revoke",
]
