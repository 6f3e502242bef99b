"""How well classes and clusters of features tell the kinds of images."""
