"""What forges send and expect, as values: one module a forge, which holds all of that forge's words. Pure."""
