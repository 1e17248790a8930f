"""The benchmark: what cellsync costs, beside its budgets and the costs that no program could avoid.

`python -m bench` runs everything and writes `bench-results.json`; `--quick` runs it at a twentieth of the size.
Every figure comes from the code that ships, with real sockets and real encrypted databases. If a budget is relative,
its floor is measured in the same run. Absolute figures hold for one machine.
"""
