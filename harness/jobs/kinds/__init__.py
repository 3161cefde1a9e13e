"""The kinds of job: what each needs, what it does, what it returns."""
