"""Image files of a folder: found, put into parts and classes, decoded."""
