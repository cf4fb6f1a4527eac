"""The outside world, played: a model server and a sink of effects, on free local ports."""
