"""One grading run, from options to outcomes."""
