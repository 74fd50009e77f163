"""The nouns: frozen values, enums and ids that every layer shares. Standard library only."""
