"""Alembic migrations; ``models.schema`` runs them."""
