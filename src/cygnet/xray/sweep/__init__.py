"""A sweep: one recipe, trained for every combination of layers, batch size and learning rate."""
