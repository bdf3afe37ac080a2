"""The rules: values and functions of values. No await, no I/O, no clock; `now` is an argument."""
