"""Which messages an integration gets, and with which values."""
