"""Who may see the queues, and who may change them.

`guarding` has the blueprint that asks each request, and `roles` what there is to be allowed.
`door` decides who is let in: by `tokens`, by `web_tokens` (JWT), by the application's own callable,
or by the cookie of `login`, which `sessions` writes and reads. `redaction` hides secrets in what
is shown.
"""
