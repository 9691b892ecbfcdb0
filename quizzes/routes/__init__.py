"""Pages of this part, one module a theme."""

from __future__ import annotations

from flask import Blueprint

from quizzes.routes import bank, desk, exams, exchange, hearings, late, marking, practice, sitting, statistics

BLUEPRINTS: tuple[Blueprint, ...] = (
    *bank.BLUEPRINTS, *exams.BLUEPRINTS, *exchange.BLUEPRINTS, *hearings.BLUEPRINTS, *practice.BLUEPRINTS, *sitting.BLUEPRINTS,
    *desk.BLUEPRINTS, *late.BLUEPRINTS, *marking.BLUEPRINTS, *statistics.BLUEPRINTS,
)
