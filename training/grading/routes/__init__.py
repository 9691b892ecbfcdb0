"""Pages of this part."""

from __future__ import annotations

from flask import Blueprint

from training.grading.routes import arranging, casework, rating, red_lines
from training.grading.routes.blueprint import bp

BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
__all__ = ["BLUEPRINTS", "arranging", "casework", "rating", "red_lines"]
