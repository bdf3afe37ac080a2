"""Alembic's steps from one shape of the database to the next."""

# The newest step. Stated here, so that a start which has nothing to migrate need not load Alembic (0.3 s);
# a test holds it against the steps themselves.
HEAD = "0005"
