"""The anonymity tool on the command line."""
