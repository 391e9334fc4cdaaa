"""Models of Keras: laws by the configurations of their initializers."""
