"""The pool of worker processes on this machine."""
