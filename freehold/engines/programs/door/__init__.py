"""The one file that other environments import: alone in its folder, so that nothing else of ours gets in their way."""
