"""Pages of the ground storey: health, sign-in and account, people and audit."""

from foundation.routes.account import bp as account
from foundation.routes.health import bp as health
from foundation.routes.people import bp as people

BLUEPRINTS = (health, account, people)
