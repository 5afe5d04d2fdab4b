"""What can be done with the content of repositories, one file or folder per family of verbs."""
