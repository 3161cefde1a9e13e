"""Experiments: what the documents did beyond training their network once.

A cross-validation, a study of variants, a transfer: each is an `Experiment` (`base`) that is listed
in the `catalogue`, uses a `Lab` (`lab`), and runs in a thread of its own (`running`).
"""
