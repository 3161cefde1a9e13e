"""Words, numbers and names as the report writes them."""
