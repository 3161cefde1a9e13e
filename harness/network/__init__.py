"""A network as data: read from Keras's configuration, in normal form, with one digest."""
