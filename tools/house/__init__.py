"""The checks of the source tree, one file for each kind of rule."""
