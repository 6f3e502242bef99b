"""What several metrics need: checks of arrays, resampling, information."""
