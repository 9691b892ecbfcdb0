"""Reads: the participation of many trainees at once, and the pages of the register and the levels."""

from training.participation.queries.facts import (
    ParticipationFact,
    attended_by_ref,
    attended_by_refs,
    level_setters_of,
    next_sessions,
    participation_facts,
    unmarked_registers,
)
from training.participation.queries.levels import (
    EvidencePage,
    LevelsRow,
    NoteView,
    OwnAttendancePage,
    PartView,
    evidence_page,
    levels_rows,
    notes_made_today,
    notes_of,
    own_attendance,
    recent_sessions,
)
from training.participation.queries.sessions import (
    RegisterRow,
    SessionsPage,
    SessionView,
    entries_seen,
    local_field,
    proposed_times,
    register_counts,
    register_rows,
    session_or_404,
    session_to_mark,
    sessions_of,
    sessions_page,
)

__all__ = [
    "EvidencePage", "LevelsRow", "NoteView", "OwnAttendancePage", "PartView", "ParticipationFact", "RegisterRow", "SessionView",
    "SessionsPage", "attended_by_ref", "attended_by_refs", "entries_seen", "evidence_page", "level_setters_of", "levels_rows",
    "local_field", "next_sessions", "notes_made_today", "notes_of", "own_attendance", "participation_facts", "proposed_times",
    "recent_sessions", "register_counts", "register_rows", "session_or_404", "session_to_mark", "sessions_of", "sessions_page",
    "unmarked_registers",
]
