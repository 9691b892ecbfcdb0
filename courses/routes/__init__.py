"""Pages of this part: learner, trainer, administrator, mentor; and the roster import."""

from courses.roster_routes import bp as roster
from courses.routes import admin, learner, mentor, trainer
from courses.routes.base import bp

BLUEPRINTS = (bp, roster)

__all__ = ["BLUEPRINTS", "admin", "learner", "mentor", "trainer"]
