"""The cost of grading many jobs: measured, and simulated from the measured costs."""
