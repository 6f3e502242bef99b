"""Trained models to be given away: a folder with the networks, and a card that describes them."""
