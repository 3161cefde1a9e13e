"""Brings a network to its document's conventions without changing what it computes."""
