"""Has a network got worse since an earlier run? That run's results.json is the baseline.

`file` reads it and `earlier` says what is in it, `matching` finds each network's counterpart,
`judging` and `speed` decide, and `comparison` keeps what the checks were told for results.json.
"""
