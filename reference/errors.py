"""The one exception that is meant for the person at the keyboard."""


class UserError(Exception):
    """A mistake in what the user gave us: data, options, files.

    The message stands alone: what was wrong, where, what was expected and what to do.
    It is shown without a traceback.
    """
