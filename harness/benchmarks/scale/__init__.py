"""What grading many jobs costs: measured, and simulated from the measured costs."""
