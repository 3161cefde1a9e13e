"""Strangers' work: files, network in the document's conventions, recipe, weights."""
