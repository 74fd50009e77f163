"""How those who wait learn that there is something to do."""
