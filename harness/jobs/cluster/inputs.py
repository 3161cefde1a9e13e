"""What a job reads beside its own description: records of the store, and published data."""
