"""Finding models and what computes them."""
