"""Pages of the reference, each made from a definition in the repository. Each module has `write(root, target)`."""
