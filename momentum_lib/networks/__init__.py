"""Networks that you can hold: fully connected, with tanh, in plain NumPy; one vector holds all parameters.

``net``        the network: outputs, loss, gradient, Hessian-vector product, all exact
``sharpness``  the largest eigenvalue of the Hessian, by Lanczos' method
``data``       T5 on twenty points, and scikit-learn's handwritten digits
``training``   any rule of the library on one network or on many at once, on all rows or in batches

>>> from momentum_lib import networks, rules
>>> net, data = networks.Network((1, 12, 12, 1)), networks.chebyshev()
>>> run = networks.train(net, data, rules.heavy_ball, net.start(1), 300, lr=0.1, beta=0.9)
>>> bool(run.losses[-1] < run.losses[0] / 5)
True
"""

from .data import Digits, Rows, batches, chebyshev, digits
from .net import Network
from .training import Training, edge, train

__all__ = ["Digits", "Network", "Rows", "Training", "batches", "chebyshev", "digits", "edge", "train"]
