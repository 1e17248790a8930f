"""The benchmark: what cellsync costs, next to what it promises and to what nobody can avoid.

`python -m bench` runs everything and writes `bench-results.json`; `--quick` runs it at a twentieth of the size.
Every figure comes from the code that ships, over real sockets and real encrypted databases. Where a budget is
relative, its floor is measured beside it in the same run. Absolute figures are those of one machine.
"""
