"""The machine: files, JSON, hashes, child processes and versions. It knows of no network."""
