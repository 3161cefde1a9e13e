"""What the runs say beyond their accuracy: the sections between the comparison and the networks."""
