"""Random faults under load: every accepted message is delivered, or visibly failed."""
