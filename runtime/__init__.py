"""Code that all processes share: settings, logs and child processes."""
