"""Pages of this part, one module a theme."""

from __future__ import annotations

from flask import Blueprint

from quizzes.routes import sitting

BLUEPRINTS: tuple[Blueprint, ...] = (*sitting.BLUEPRINTS,)
