"""Networks of scikit-learn as `Network`, and objectives of its linear estimators."""
