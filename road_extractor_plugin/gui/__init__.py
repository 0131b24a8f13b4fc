"""Widgets: what the user sees, and what happens when the user acts."""
