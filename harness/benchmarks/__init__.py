"""Benchmarks: the engine interleaved with its peers (`suite`), and two revisions compared."""
