"""One face under two identities (1:N, signal P8): candidate pairs for people to look at."""
