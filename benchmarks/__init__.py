"""What the store costs, beside what it is made of and beside its peers, in the same run."""
