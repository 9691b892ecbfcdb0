"""Pages of this part: learner, trainer, administrator, mentor; and the roster import."""

from courses.routes import admin, learner, mentor, trainer
from courses.routes.base import bp

BLUEPRINTS = (bp,)

__all__ = ["BLUEPRINTS", "admin", "learner", "mentor", "trainer"]
