"""Files in, files out: rasters, areas, GeoPackages and the run itself, on numpy and osgeo only."""
