"""What the service does per second, beside the least that any program would do for the same."""
