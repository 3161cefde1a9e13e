"""Intervals, tests and verdicts. Each function cites where its formula comes from."""
