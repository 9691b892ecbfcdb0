"""The blueprint of this part, shared by its route modules."""

from flask import Blueprint

from courses import titles

bp = Blueprint("courses", __name__)
for _name in titles.TEMPLATE_GLOBALS:
    bp.add_app_template_global(_name, _name.__name__)
