"""A cluster under load that is broken again and again, and a judge of what its contacts and agents saw."""
