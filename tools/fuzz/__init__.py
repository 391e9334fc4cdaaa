"""Random calls of every public function, with numbers over the whole range of a double, in separate processes."""
