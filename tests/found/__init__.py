"""The faults that users found: each one as it was reported, and what is right instead."""
