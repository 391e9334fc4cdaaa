"""Minimum energies, with their certificates."""
