"""Models: what is trained. Recipes (plain data, no TensorFlow) and the Keras code they build."""
