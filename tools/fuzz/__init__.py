"""Random calls of every public function, with magnitudes to the ends of the doubles, in processes of their own."""
