"""Has work done once, here or on a cluster, and keeps what comes of it."""
