"""How much each trained network bears: altered test images, read by a job for each run.

`job` is what is asked for, `asking` asks for it once a run is there, `reading` is the worker's
side, `data.corruptions` what is done to the images, and `evidence.robustness` what
results.json says of it.
"""
