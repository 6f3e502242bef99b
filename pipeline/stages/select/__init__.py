"""The select stage: reads exports and scores, writes the selection tables."""
