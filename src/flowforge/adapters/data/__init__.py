"""The data folder: what lies where in it, and the few files in it that are not somebody else's."""
