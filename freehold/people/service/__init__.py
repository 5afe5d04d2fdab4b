"""What people do with accounts, one file for each family of verbs."""
