"""Neural networks as heat engines (section 5)."""
