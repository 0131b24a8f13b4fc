"""Speed of exported files."""
