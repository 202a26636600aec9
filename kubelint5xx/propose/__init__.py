"""A first configuration: the lines that would settle what the files of a tree leave open."""
