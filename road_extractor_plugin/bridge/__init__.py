"""From objects of QGIS to the values of the contract, and back."""
