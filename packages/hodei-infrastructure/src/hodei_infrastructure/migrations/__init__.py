"""The schema's history. Each revision is an SQL file; Alembic and `upgrade.py` run the same files."""
