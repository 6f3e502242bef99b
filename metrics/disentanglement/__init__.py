"""How well codes tell known factors, each by a code of its own."""
