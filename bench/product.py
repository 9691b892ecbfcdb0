"""The product as the bench serves it: the same application the launcher serves."""

from app import create_app

application = create_app()
