"""Changes of this part, gathered: who changes attempts calls these by the part's name."""

from __future__ import annotations

from quizzes.services.attempts import (
    MAX_LATE,
    ExamTaken,
    NotNow,
    QuizNotOpen,
    Saved,
    SectionAhead,
    TakenOver,
    Theirs,
    UnknownSlot,
    close_by_time,
    close_due,
    due_attempts,
    save_answer,
    start_attempt,
    submit_attempt,
)
from quizzes.services.conduct import (
    Ended,
    Fact,
    HallPaused,
    HeldElsewhere,
    NoBreakLeft,
    SectionMoved,
    claim_device,
    close_section,
    end_break,
    record_facts,
    start_break,
)
from quizzes.services.late import AlreadyDecided, OwnMatter, Recovered, StillOpen, decide_late, recover, took_part
from quizzes.services.marking import (
    AlreadyFinal,
    Decided,
    NoReason,
    NotFinal,
    NothingToMark,
    NotSeparate,
    SavedDraft,
    SettledByOthers,
    correct,
    finalise,
    save_draft,
)
from quizzes.services.sittings import (
    EXTRA_REASONS,
    INCIDENT_KINDS,
    AlreadyBegun,
    BankTooThin,
    OwnPlan,
    ProofChanged,
    ProofFails,
    SittingPlan,
    SittingRefused,
    approve_sitting,
    assemble_again,
    assign_form,
    cancel_sitting,
    give_extra_time,
    note_incident,
    pause_hall,
    plan_sitting,
    resume_hall,
    set_allowance,
)

__all__ = ["EXTRA_REASONS", "INCIDENT_KINDS", "AlreadyBegun", "BankTooThin", "OwnPlan", "ProofChanged", "ProofFails", "SittingPlan", "SittingRefused",
           "approve_sitting", "assemble_again", "assign_form", "cancel_sitting", "give_extra_time", "note_incident", "pause_hall", "plan_sitting",
           "resume_hall", "set_allowance",
           "AlreadyFinal", "Decided", "NoReason", "NotFinal", "NotSeparate", "NothingToMark", "SavedDraft", "SettledByOthers", "correct",
           "finalise", "save_draft",
           "AlreadyDecided", "Ended", "Fact", "HallPaused", "HeldElsewhere", "NoBreakLeft", "NotNow", "OwnMatter", "Recovered", "SectionAhead", "SectionMoved",
           "StillOpen", "TakenOver", "claim_device", "close_section", "decide_late", "end_break", "record_facts", "recover", "start_break", "took_part",
           "MAX_LATE", "ExamTaken", "QuizNotOpen", "Saved", "Theirs", "UnknownSlot", "close_by_time", "close_due", "due_attempts", "save_answer",
           "start_attempt", "submit_attempt"]
