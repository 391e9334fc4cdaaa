"""What everything stands on: validation, archives, executors, progress, tail probabilities."""
