"""Submissions: from untrusted files to a checked network with findings."""
