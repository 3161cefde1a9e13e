"""What the runs say beyond their accuracy: comparisons, calibration, robustness, mistakes."""
