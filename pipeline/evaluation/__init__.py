"""What the metric stage is made of: protocols, and what is scored beside them."""
