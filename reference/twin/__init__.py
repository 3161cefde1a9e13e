"""The network of document 004 written in NumPy alone: every step of training, spelled out.

Document 004 is the second part of a project whose first part, which is not published, built the
same digit classifier with NumPy. This is such a first part. Read it in this order:

    network.py          what dense layers compute, how wrong that is, and how it depends on weights
    initialization.py   where the weights start
    optimizers.py       how a gradient becomes a step: SGD and Adam
    training.py         batches, epochs, and what is measured on the way
    gradient_check.py   how to see that the gradients are right

Arrays keep the type that they come in: float32 trains twice as fast, float64 is exact enough to
check gradients. Nothing is shared with `reference.forward`, which computes the same network in
inference: the tests hold one against the other, and both against Keras.
"""
