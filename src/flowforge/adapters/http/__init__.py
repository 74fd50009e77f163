"""Exchanges with servers outside."""
