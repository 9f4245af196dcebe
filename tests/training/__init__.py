"""Commands that make what reading has learnt: models and curves, from drawn papers."""
