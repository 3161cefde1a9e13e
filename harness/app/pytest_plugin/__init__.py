"""The pytest plugin: options, hooks, and what the checks ask for."""
