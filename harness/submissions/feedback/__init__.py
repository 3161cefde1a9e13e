"""A network laid beside the documented one, and what differs, in sentences that teach."""
