"""Everything in this package runs inside the sandbox, beside code that nobody trusts."""
