"""The HTTP door: translates requests into calls of services, decides nothing."""
