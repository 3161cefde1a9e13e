"""What the templates print: frozen and already in words."""
