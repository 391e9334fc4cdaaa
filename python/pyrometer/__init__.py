"""The temperature of machine-learning systems."""
