"""The data stage: reads the data set's recipe, writes the image cache."""
