"""The use cases: load, decide, commit, ring. One public verb a function; rules stay in the domain."""
