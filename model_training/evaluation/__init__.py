"""Figures of an exported file on whole scenes."""
