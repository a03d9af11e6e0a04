"""The connection to Temporal: its settings, its payloads, and starts of executions."""
