"""The runner's way to a server on another machine."""
