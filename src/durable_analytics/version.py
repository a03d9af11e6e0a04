"""The library's version: the wheel, the default `context.library` and the User-Agent share it."""

__version__ = "0.1.0"
