"""Many systems and laws at once."""
