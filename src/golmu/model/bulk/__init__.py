"""Predictions for more images than fit into memory, written to a file as they are made."""
