"""Training, evaluation and export of road networks. Never imported by the plugin."""
