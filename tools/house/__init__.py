"""The checks of the house, one file a concern."""
