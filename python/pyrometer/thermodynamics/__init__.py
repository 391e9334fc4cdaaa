"""The general theory: mean energies, minimum energies, entropies and temperatures (section 2)."""
