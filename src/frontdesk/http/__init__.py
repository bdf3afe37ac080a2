"""HTTP only: parse, authorise, call one action, encode."""
