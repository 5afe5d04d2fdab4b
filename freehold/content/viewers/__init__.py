"""What a page makes of a file's bytes: text, table, tree, notebook, pictures. Pure, and bounded whatever they are."""
