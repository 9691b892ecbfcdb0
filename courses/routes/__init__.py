"""Pages of this part: learner, trainer, administrator, mentor; and the roster import."""

from courses.routes import admin, books, glossary, learner, mentor, trainer
from courses.routes.base import bp
from courses.routes.roster import bp as roster

BLUEPRINTS = (bp, roster)

__all__ = ["BLUEPRINTS", "admin", "books", "glossary", "learner", "mentor", "trainer"]
