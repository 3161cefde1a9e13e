"""The entry points: the pytest plugin with its grading session, and the other commands."""
