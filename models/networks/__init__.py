"""Networks: what Gin binds, and what it builds."""
