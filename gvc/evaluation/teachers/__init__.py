"""Teachers by name: pretrained networks that training may look through, and that therefore never judge.

`registry.create("teacher", NAME)` makes one. The roles are in `gvc.evaluation.pretrained.roles`.
"""
