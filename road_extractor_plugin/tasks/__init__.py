"""Jobs in the background of QGIS."""
