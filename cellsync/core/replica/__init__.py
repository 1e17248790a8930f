"""A replica: one device's whole knowledge of one circle, and the steps that change it.

slices, stage     a step in the making
planner           from a batch, or from an intention to write, to a plan
replica           a plan that is durable becomes what is known
surplus           on whose word branches of equivocators were taken
founding, audit   the first step of all; whether what rests here is what its authors signed
"""
