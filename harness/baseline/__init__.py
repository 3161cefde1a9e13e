"""Has a network got worse since an earlier run? That run's results.json is the baseline.

`file` reads it and `earlier` says what is in it, `matching` finds each network's counterpart,
`judging` and `speed` decide, and `comparison` keeps what the checks were told for results.json.
"""

MARGIN = 0.002
"""The loss of accuracy that is accepted: 0.2 percentage points, 20 images of 10,000."""
