"""Side-by-side measurements of frontdesk and its peers: `python -m benchmarks`."""
