"""The GPT of many runs at once: parameters, and batches, stacked along a first axis.

Shapes in the comments: E runs, R = B T positions of a run's batch, and the letters of :mod:`momentum_lib.train.model`.
Every matrix product is one product for all runs, q, k and v are one product, and all parameters of a run lie side by
side, so that a rule moves all of them in a few operations.
"""

import math

import torch
import torch.nn.functional as F

from .model import queries_keys_values, rotary_table, turns


class Layout:
    """Where each parameter of a GPT of this shape lies in a run's row of ``size`` numbers.

    ``at``: name -> (offset, shape), in the order of the row: each block's query, key, value and out; all matrices up; all
    down; the embedding, learned positions, and the norms.  So matrices of one shape are neighbours, in all blocks.
    """

    def __init__(self, config):
        layers, width = config.layers, config.width
        square, wide = (width, width), (4 * width, width)
        names = [
            (f"blocks.{k}.attention.{part}.weight", square) for k in range(layers) for part in ("query", "key", "value", "out")
        ]
        names += [(f"blocks.{k}.up.weight", wide) for k in range(layers)]
        names += [(f"blocks.{k}.down.weight", wide[::-1]) for k in range(layers)]
        names += [("embedding.weight", (config.vocab, width))]
        names += [("positions.weight", (config.context, width))] * (config.positions == "learned")
        norms = [(f"blocks.{k}.norm_{part}.weight", (width,)) for k in range(layers) for part in ("attention", "forward")]
        self.at, self.size = {}, 0
        for name, shape in (*names, *norms, ("norm.weight", (width,))):
            self.at[name] = self.size, shape
            self.size += math.prod(shape)

    def row(self, model):
        """The parameters of one model, as a row (size,)."""
        found = dict(model.named_parameters())
        return torch.cat([found[name].detach().flatten() for name in self.at])

    def parameters(self, row):
        """A row (size,) as named parameters: views of it."""
        return {name: row[at : at + math.prod(shape)].view(shape) for name, (at, shape) in self.at.items()}


class Scaled(torch.autograd.Function):
    """x / sqrt(mean(x^2) + eps) * weight over the last axis, for all runs in few passes; x (E, R, D), weight (E, 1, D)."""

    @staticmethod
    def forward(ctx, x, weight, eps):
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)  # (E, R, 1)
        scale = (size * size / x.shape[-1] + eps).rsqrt()
        normed = x * scale
        ctx.save_for_backward(normed, scale, weight)
        return normed * weight

    @staticmethod
    def backward(ctx, grad):
        normed, scale, weight = ctx.saved_tensors
        product = grad * normed
        along = torch.stack([torch.mv(*pair) for pair in zip(product, weight[:, 0])]).unsqueeze(2)
        along = along / -grad.shape[-1]  # (E, R, 1): minus the mean of weight grad normed
        return (grad * weight).addcmul_(normed, along).mul_(scale), product.sum(1, keepdim=True), None


class Stacked:
    """The forward pass of E models of one shape on E batches, equal to E passes of :class:`momentum_lib.train.model.GPT`."""

    def __init__(self, config, device, dtype=torch.float32):
        self.config, self.layout = config, Layout(config)
        self.table = None
        if config.positions == "rotary":
            self.table = turns(*rotary_table(config), config.heads).to(device, dtype)

    def norm(self, x, weight):
        """The norm of each position; x (E, R, D), weight (E, D)."""
        if self.config.norm == "rms":
            return Scaled.apply(x, weight.unsqueeze(1), 1e-6)
        return F.layer_norm(x, x.shape[-1:]) * weight.unsqueeze(1)

    def split(self, rows):
        """Rows (E, size) as what a pass needs, per block: [query, key and value (E, 3D, D)], [out], [up], [down]; and the rest.

        One split, whose backward pass is one copy.
        """
        layers, width, layout = self.config.layers, self.config.width, self.layout
        square = width * width
        vectors = list(layout.at.values())[6 * layers :]
        sizes = [3 * square, square] * layers + [4 * square] * 2 * layers + [math.prod(shape) for _, shape in vectors]
        parts = rows.split(sizes, 1)
        shaped = lambda some, *shape: [part.view(len(rows), *shape) for part in some]
        qkv, out = shaped(parts[: 2 * layers : 2], 3 * width, width), shaped(parts[1 : 2 * layers : 2], width, width)
        up = shaped(parts[2 * layers : 3 * layers], 4 * width, width)
        down = shaped(parts[3 * layers : 4 * layers], width, 4 * width)
        rest = [part.view(len(rows), *shape) for part, (_, shape) in zip(parts[4 * layers :], vectors)]
        return qkv, out, up, down, rest

    def attention(self, x, weight, batch):
        """Queries, keys and values by one product, then causal attention; x (E, R, D) -> (E, R, D)."""
        runs, rows, width = x.shape
        heads, length = self.config.heads, rows // batch
        qkv = torch.bmm(x, weight.mT).view(runs * batch, length, 3 * width)
        q, k, v = queries_keys_values(qkv, heads, self.table)  # (E B, T, H, K) each
        y = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True)
        return y.transpose(1, 2).reshape(runs, rows, width)

    def logits(self, rows, tokens):
        """The logits (E, R, V) of the models in ``rows`` (E, size) on ``tokens`` (E, B, T)."""
        runs, batch, length = tokens.shape
        qkv, out, up, down, (embedding, *vectors) = self.split(rows)
        vocab, width = embedding.shape[1:]
        first = vocab * torch.arange(runs, device=tokens.device).view(runs, 1, 1)  # where a run's symbols begin
        x = F.embedding(tokens + first, embedding.reshape(runs * vocab, width))  # (E, B, T, D)
        if self.table is None:
            x = x + vectors[0].narrow(1, 0, length).unsqueeze(1)
        x = x.reshape(runs, batch * length, width)
        *norms, last = vectors[self.table is None :]
        for k in range(self.config.layers):
            x = onto(x, self.attention(self.norm(x, norms[2 * k]), qkv[k], batch), out[k])
            x = onto(x, F.gelu(torch.bmm(self.norm(x, norms[2 * k + 1]), up[k].mT)), down[k])
        return torch.bmm(self.norm(x, last), embedding.mT)

    def nats(self, rows, tokens, targets):
        """The loss at each position, (E, R), in float32 at least; tokens and targets (E, B, T)."""
        logits = self.logits(rows, tokens)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(logits.shape[:2])

    def losses(self, rows, tokens, targets):
        """The mean loss of each run on its batch, (E,), in nats."""
        return self.nats(rows, tokens, targets).mean(1)


def onto(x, y, weight):
    """x + y weight', in one operation where nothing is cast; x (E, R, D)."""
    if torch.is_autocast_enabled(x.device.type):  # which would cast the sum, too
        return x + torch.bmm(y, weight.mT)
    return torch.baddbmm(x, y, weight.mT)


def activation_bytes(config, batch, itemsize=4):
    """About how many bytes one run's pass keeps until its backward pass: 20 D a layer and position, and the logits four times."""
    position = config.layers * 20 * config.width + 4 * config.vocab + 8 * config.width
    return itemsize * batch * config.context * position
