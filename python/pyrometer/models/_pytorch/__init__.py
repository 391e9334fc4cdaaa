"""Models of PyTorch: laws by a trace of their construction, energies by their operations."""
