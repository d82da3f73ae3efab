"""What the recorded interfaces compute, in plain torch on any device."""
