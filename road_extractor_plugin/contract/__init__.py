"""The values that every part shares. Standard library and numpy only."""
