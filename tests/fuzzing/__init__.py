"""Hostile and broken files: every parser is given what a file may hold, and may only refuse it.

`table` lists the parsers. Two drivers use it: `mutation`, in which Hypothesis draws changes to
valid examples, and `guided`, in which atheris looks for inputs that reach new lines. `guard` says
of each case what became of it, `campaign` has the cases run in processes of their own, and
`python -m tests.fuzzing` prints a table of it all.
"""
