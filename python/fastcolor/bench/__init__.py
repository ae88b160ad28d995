"""Measurements: fastcolor bench."""
