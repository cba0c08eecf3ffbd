"""A GPT of a size that fits: pre-norm blocks, rotary or learned positions, tied embeddings.

Shapes in the comments: B sequences in a batch, T positions (at most ``context``), D = ``width``,
H = ``heads``, K = D / H, V = ``vocab``.
"""

import math
from dataclasses import asdict, dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from ..core import nearest

NORMS = ("rms", "layer")
POSITIONS = ("rotary", "learned")


@dataclass(frozen=True)
class Config:
    """The shape of a model; every field is a whole number except the two choices.

    ``layers`` blocks, ``width`` numbers a position, ``heads`` attention heads (a divisor of the width),
    ``context`` positions, ``vocab`` symbols (256: bytes), ``norm`` "rms" or "layer", ``positions`` "rotary" or "learned".
    Raises ValueError for a shape that cannot be built.
    """

    layers: int = 2
    width: int = 64
    heads: int = 4
    context: int = 64
    vocab: int = 256
    norm: str = "rms"
    positions: str = "rotary"

    def __post_init__(self):
        for name in ("layers", "width", "heads", "context", "vocab"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)!r}; allowed: a whole number of at least 1.")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be shared among {self.heads} heads; heads must divide width.")
        if self.norm not in NORMS:
            raise ValueError(nearest(self.norm, NORMS, "norm"))
        if self.positions not in POSITIONS:
            raise ValueError(nearest(self.positions, POSITIONS, "kind of positions"))
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise ValueError(f"rotary positions need an even head width; width / heads is {self.width // self.heads}.")

    def as_dict(self):
        return asdict(self)


SIZES = {
    "pico": Config(layers=1, width=16, heads=2, context=16),  # tests
    "nano": Config(layers=2, width=64, heads=4, context=64),  # a notebook on two CPU cores
    "micro": Config(layers=4, width=128, heads=4, context=128),  # a few minutes on a CPU
    "mini": Config(layers=6, width=384, heads=6, context=256),  # 10.7 million parameters
    "small": Config(layers=12, width=512, heads=8, context=512),  # 38 million: a GPU
    "medium": Config(layers=12, width=768, heads=12, context=1024),  # 85 million: a large GPU
}


def size(name, **changes):
    """The named :class:`Config`, with fields replaced.  Raises ValueError for an unknown name, with the nearest one."""
    if name not in SIZES:
        raise ValueError(nearest(name, SIZES, "model size"))
    return replace(SIZES[name], **changes)


class _RootMeanSquare(torch.autograd.Function):
    """x / sqrt(mean(x^2) + eps) * weight over the last axis, in few passes; x (..., D), weight (D,)."""

    @staticmethod
    def forward(ctx, x, weight, eps):
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)  # (..., 1)
        scale = size.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, scale, weight)
        return (x * scale).mul_(weight)

    @staticmethod
    def backward(ctx, grad):
        x, scale, weight = ctx.saved_tensors
        zero = torch.zeros_like(scale)  # layer norm's gradient for a mean of 0, but for the mean's own part
        parts = grad, x, weight.shape, zero, scale, weight, None, (True, True, False)
        grad_x, grad_weight, _ = torch.ops.aten.native_layer_norm_backward.default(*parts)
        own = (grad @ weight).unsqueeze(-1).mul_(scale).div_(x.shape[-1])  # (..., 1), which is put back
        return grad_x.add_(own), grad_weight, None


class RMSNorm(nn.RMSNorm):
    """torch's RMSNorm with a gradient in few passes on a CPU, where torch's own makes many."""

    def forward(self, x):
        """x (..., D) -> (..., D)."""
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)  # one kernel where dtypes agree
        if x.dtype != self.weight.dtype:
            return self(x.to(self.weight.dtype)).to(x.dtype)
        return _RootMeanSquare.apply(x, self.weight, self.eps)


def make_norm(config):
    """RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467) or LayerNorm, over the last axis; no bias."""
    return RMSNorm(config.width, eps=1e-6) if config.norm == "rms" else nn.LayerNorm(config.width, bias=False)


def rotary_table(config, base=10_000.0):
    """Cosines and sines (T, K/2) of the rotary positions.  Source: Su et al. 2021, arXiv:2104.09864, eq. 15."""
    half = config.width // config.heads // 2
    speed = base ** (-torch.arange(half) / half)  # (K/2,) radians a position
    angle = torch.arange(config.context)[:, None] * speed  # (T, K/2)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Turn each pair of neighbours of x (..., T, K) by its position's angle; cos and sin are (T, K/2)."""
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


def turns(cos, sin, heads):
    """The rotary table (T, K/2 twice) for the queries and keys of all heads at once: cosines and sines (T, 2, H, K/2, 2)."""
    return torch.stack((cos, sin), dim=-1)[:, None, None].repeat(1, 2, heads, 1, 1)


class _Turn(torch.autograd.Function):
    """:func:`rotate` as one product of complex numbers, (a + i b) (cos + i sin), which without a compiler is one pass.

    qkv (B, T, 3, H, K/2, 2), table (T, 2, H, K/2, 2) -> queries and keys, turned, and values, (B, T, H, K) each.
    """

    @staticmethod
    def forward(ctx, qkv, table):
        ctx.save_for_backward(table)
        both = torch.view_as_complex(qkv.narrow(2, 0, 2)) * torch.view_as_complex(table)
        q, k = torch.view_as_real(both).flatten(-2).unbind(2)
        return q, k, qkv.select(2, 2).flatten(-2)

    @staticmethod
    def backward(ctx, *grads):
        (table,) = ctx.saved_tensors
        grad = torch.stack(grads, dim=2).view(*grads[0].shape[:2], 3, *table.shape[2:])
        torch.view_as_complex(grad.narrow(2, 0, 2)).mul_(torch.view_as_complex(table).conj())  # back by the same angles
        return grad, None


def queries_keys_values(qkv, heads, table):
    """qkv (B, T, 3D) as three (B, T, H, K); queries and keys turned by the ``table`` of :func:`turns`, unless it is None.

    Sixteen bits are turned in float32.
    """
    batch, length, width = qkv.shape
    parts = qkv.view(batch, length, 3, heads, width // (3 * heads))
    if table is None:
        return parts.unbind(2)
    table = table.narrow(0, 0, length)
    if torch.compiler.is_compiling():
        q, k = rotate(parts[:, :, :2], *table.to(qkv.dtype).unbind(-1)).unbind(2)
        return q, k, parts[:, :, 2]
    wide = torch.promote_types(qkv.dtype, torch.float32)
    q, k, v = _Turn.apply(parts.view(batch, length, 3, *table.shape[2:]).to(wide), table.to(wide))
    return q.to(qkv.dtype), k.to(qkv.dtype), v.to(qkv.dtype)


def as_neighbours(weight, heads):
    """The rows of queries or keys (D, D), pairs half a head apart, in another order: pairs side by side."""
    return weight.view(heads, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


class Attention(nn.Module):
    """Causal self-attention.  Queries, keys and values have a matrix each, as a matrix rule (Muon) wants, and one product."""

    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.key = nn.Linear(config.width, config.width, bias=False)
        self.value = nn.Linear(config.width, config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x, table):
        """x (B, T, D) -> (B, T, D); table: the rotary turns, or None."""
        batch, length, width = x.shape
        weight = torch.cat((self.query.weight, self.key.weight, self.value.weight))  # (3D, D)
        q, k, v = queries_keys_values(F.linear(x, weight), self.heads, table)  # (B, T, H, K) each
        y = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """One pre-norm block: attention, then a feed-forward layer of four times the width."""

    def __init__(self, config):
        super().__init__()
        self.norm_attention = make_norm(config)
        self.attention = Attention(config)
        self.norm_forward = make_norm(config)
        self.up = nn.Linear(config.width, 4 * config.width, bias=False)
        self.down = nn.Linear(4 * config.width, config.width, bias=False)

    def forward(self, x, table):
        x = x + self.attention(self.norm_attention(x), table)  # (B, T, D)
        return x + self.down(F.gelu(self.up(self.norm_forward(x))))  # (B, T, 4D) inside


class GPT(nn.Module):
    """A decoder-only transformer over bytes; the embedding matrix is also the output matrix.

    ``model(tokens)``: logits (B, T, V) for tokens (B, T), whole numbers below V.
    ``model(tokens, targets)``: the mean cross-entropy in nats, a scalar.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.width)  # (V, D)
        self.positions = nn.Embedding(config.context, config.width) if config.positions == "learned" else None
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = make_norm(config)
        if config.positions == "rotary":
            cos, sin = rotary_table(config)
            self.register_buffer("cos", cos, persistent=False)
            self.register_buffer("sin", sin, persistent=False)
        self.start()

    @torch.no_grad()
    def start(self):
        """Draw the first weights: std 0.02, and 0.02 / sqrt(2 layers) where a layer adds to the residual stream.

        Source: GPT-2 (Radford et al. 2019, section 2.3) for the division; matrices narrower than 2500 get
        1 / sqrt(fan-in) in place of 0.02, so that a toy width starts with the same sizes of activation.
        """
        for name, weight in self.named_parameters():
            if weight.dim() < 2:
                continue  # norms start at 1
            if "embedding" in name or "positions" in name:
                std = 0.02
            else:
                std = max(0.02, weight.shape[1] ** -0.5)
            if name.endswith(("out.weight", "down.weight")):
                std /= math.sqrt(2 * self.config.layers)
            weight.normal_(0.0, std)
            if self.positions is None and name.endswith(("query.weight", "key.weight")):
                weight.copy_(as_neighbours(weight, self.config.heads))  # drawn as the records' were

    def forward(self, tokens, targets=None):
        length = tokens.shape[1]
        x = self.embedding(tokens)  # (B, T, D)
        table = None
        if self.positions is not None:
            x = x + self.positions.weight[:length]  # (T, D), the same for each sequence
        else:
            table = turns(self.cos[:length], self.sin[:length], self.config.heads)
        for block in self.blocks:
            x = block(x, table)
        logits = F.linear(self.norm(x), self.embedding.weight)  # (B, T, V)
        if targets is None:
            return logits
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def parameter_count(model):
    """How many numbers the optimiser moves; the tied embedding counts once."""
    return sum(weight.numel() for weight in model.parameters())


def flops_per_token(config):
    """Floating-point operations of one training step, forward and backward, for each token.

    6 for each number of a weight matrix that multiplies (2 forward, 4 backward; the embedding's look-up is none, the
    output matrix is one), and 12 layers x width x context for attention, whose causal half is counted as if it were whole.
    Source: Chowdhery et al. 2022, arXiv:2204.02311, appendix B (6N + 12 L H Q T).
    """
    matrices = 12 * config.layers * config.width**2 + config.vocab * config.width
    return 6 * matrices + 12 * config.layers * config.width * config.context
