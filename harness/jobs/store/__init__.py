"""Finished work on disk: stored whole, verified on reading, never computed twice."""
