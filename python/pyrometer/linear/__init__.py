"""Linear models: linear and logistic regression (sections 3 and 4)."""
