"""Whether a code tells an identity that it is meant to tell, or to hide."""
