"""The web page and the notebook."""
