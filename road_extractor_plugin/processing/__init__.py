"""The doors of the Processing toolbox."""
