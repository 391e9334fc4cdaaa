"""Rows and their second moments: accumulated, merged, scanned."""
