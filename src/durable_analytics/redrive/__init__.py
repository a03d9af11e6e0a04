"""Failed deliveries: find them, explain them, send them again."""
