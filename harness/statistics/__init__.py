"""Intervals, tests and verdicts. Each function cites where its formula comes from."""

from harness.statistics.calibration import (
    Bin,
    are_probabilities,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
)
from harness.statistics.gate import DIVERGED, Gate, Verdict, judge_floor, judge_gate
from harness.statistics.intervals import (
    Interval,
    mean_interval,
    over_both,
    repeats_interval,
    wilson,
)
from harness.statistics.mcnemar import mcnemar_exact_p, mcnemar_mid_p, tango
from harness.statistics.multiplicity import cochran_q, holm
from harness.statistics.noninferiority import MARGIN, NonInferiority, non_inferiority
from harness.statistics.paired import PairedDifference, paired_difference, paired_differences
from harness.statistics.tolerance import (
    TOLERANCE_CONFIDENCE,
    TOLERANCE_COVERAGE,
    tolerance_factor,
)

__all__ = [
    "DIVERGED",
    "MARGIN",
    "TOLERANCE_CONFIDENCE",
    "TOLERANCE_COVERAGE",
    "Bin",
    "Gate",
    "Interval",
    "NonInferiority",
    "PairedDifference",
    "Verdict",
    "are_probabilities",
    "brier_score",
    "cochran_q",
    "expected_calibration_error",
    "holm",
    "judge_floor",
    "judge_gate",
    "mcnemar_exact_p",
    "mcnemar_mid_p",
    "mean_interval",
    "negative_log_likelihood",
    "non_inferiority",
    "over_both",
    "paired_difference",
    "paired_differences",
    "repeats_interval",
    "tango",
    "tolerance_factor",
    "wilson",
]
