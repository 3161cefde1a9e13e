"""What changed: against a baseline, over the history of runs; and what is too good to be true."""
