"""The hands: each package is one port on one real thing. None imports another."""
