"""What trained runs say beyond their accuracy: pure functions from records to plain JSON."""
