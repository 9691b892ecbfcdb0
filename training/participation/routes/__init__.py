"""Pages of this part: sessions, the register, levels and their evidence, a trainee's own attendance."""

from training.participation.routes import levels, own, register, sessions
from training.participation.routes.base import bp

BLUEPRINTS = (bp,)

__all__ = ["BLUEPRINTS", "levels", "own", "register", "sessions"]
