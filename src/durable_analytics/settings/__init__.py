"""Settings: where they are read, and the integrations as they are configured (extra `settings`)."""
