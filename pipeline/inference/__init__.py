"""Exported networks at work: images to codes, codes to images, kept and read again."""
