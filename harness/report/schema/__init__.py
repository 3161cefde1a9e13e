"""The format of results.json, read and checked."""
