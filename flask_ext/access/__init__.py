"""Who may see the queues, and who may change them.

`roles` says what there is to be allowed, `guarding` has the blueprint that asks, `tokens` one way
to answer.
"""
