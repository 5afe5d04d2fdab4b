"""Migrations: the one straight line of schema changes, shared by SQLite and PostgreSQL.

``freehold.core.migrate.upgrade`` runs them at every start. ``make migration`` writes the next one from the mapped
classes; ``docs/how-to/change-a-table.md`` says how to keep the release before it working.
"""
