"""Images of the latent explorer: drawn before, so that the page needs neither network nor model."""
