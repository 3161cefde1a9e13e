"""Decides what a run shows, and writes results.json."""
