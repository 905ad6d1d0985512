"""Learned generators: the networks, their noise, the critics, and the checkpoints they come in."""
