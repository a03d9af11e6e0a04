"""What travels: messages, the table of methods, inputs, plans, outputs, policies, parsing."""
