"""Preparation of deliveries from messages, without I/O and without Temporal."""
