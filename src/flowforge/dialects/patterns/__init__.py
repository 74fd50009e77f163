"""Patterns of people we do not know, matched in time that grows with the text and never faster."""
