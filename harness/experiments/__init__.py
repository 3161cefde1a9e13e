"""Experiments: work that the documents did beyond training their networks once.

A cross-validation, a study of variants, a transfer: each is an `Experiment` that is listed in the
`catalogue`, uses an `ExperimentContext` (`context`), and runs in a thread of its own (`runner`).
"""
