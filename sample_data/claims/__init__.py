"""Made-up hospital claims: a province's month in the shape that rules read, frauds planted in it, and the claims of the demo county."""
