"""The benchmark lane: our engine and its peers, taking turns; and two revisions, in a duet."""
