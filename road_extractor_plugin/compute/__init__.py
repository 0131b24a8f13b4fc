"""Arrays in, arrays out: the network and the array mathematics. Knows no files, no GDAL and no QGIS."""
