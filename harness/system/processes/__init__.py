"""Child processes that speak JSON lines and end with the process that started them."""
