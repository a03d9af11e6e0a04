"""The error of a command that could not do what it was asked for."""


class CommandFailed(Exception):
    """Something failed or was not found: one line, and the exit status 1."""
