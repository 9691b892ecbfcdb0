"""The blueprint of this part, shared by its route modules."""

from flask import Blueprint

bp = Blueprint("courses", __name__)
