"""Record linkage: which records, of one file or two, are of the same person or thing."""
