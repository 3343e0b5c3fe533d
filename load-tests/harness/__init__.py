"""The load tests: what is measured, how, and how it is told. Which gateways take part stands in `peers`."""
