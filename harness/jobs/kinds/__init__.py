"""The kinds of job: their inputs, what they compute and what they return."""
