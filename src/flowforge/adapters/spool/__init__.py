"""What a runner remembers on disk."""
