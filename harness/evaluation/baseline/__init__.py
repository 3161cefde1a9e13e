"""Has a network got worse since an earlier run? That run's results.json is the baseline.

`previous_results` reads its networks and `benchmarks` its speed-ups, `model` finds each network's
counterpart, `judging` and `speed` decide, and `comparison` keeps the rows for results.json.
"""
