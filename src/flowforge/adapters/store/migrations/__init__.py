"""How a database came to its schema. Forward only: the way back is a backup. A revision that was released never changes."""

REVISIONS = ("0001", "0002")
"""Oldest first. Here, so that an up-to-date database is opened without loading alembic."""
