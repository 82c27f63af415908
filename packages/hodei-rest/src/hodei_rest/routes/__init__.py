"""What can be asked for, one file per kind of resource."""
