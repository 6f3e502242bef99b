"""What the select stage is made of: cells, rankings, confidence, warnings."""
