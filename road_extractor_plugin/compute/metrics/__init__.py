"""Accuracy figures, each under a named protocol; numpy and scipy only."""
