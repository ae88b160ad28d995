"""Recipes behind the weights: data, degradations, networks, losses, training, export.

Nothing under ``python/fastcolor`` imports this package.
"""
