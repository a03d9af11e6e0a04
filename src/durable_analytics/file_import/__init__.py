"""Imports of files: reading rows, building messages, and delivering them in batches."""
