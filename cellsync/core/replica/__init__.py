"""A replica: one device's whole knowledge of one circle, and the steps that change it.

slices, stage     a step in the making
planner           from a batch, or from an intention to write, to a plan
replica           takes in a plan once it is durable
surplus           which peer brought each uncited branch of an equivocator
founding, audit   the first step of all; whether the stored entries are what their authors signed
"""
