"""Pages of docs/reference/, each made from the code it describes."""
