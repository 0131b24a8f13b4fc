"""From raw data sets, or any rasters and roads, to crops and one manifest."""
