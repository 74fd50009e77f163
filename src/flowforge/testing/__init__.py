"""Fakes for every port, shipped so that others can test against them."""
