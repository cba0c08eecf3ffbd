"""A training loop as one writes it without a library, in the manner of nanoGPT: what the trainer's speed is measured against.

Learned positions, layer norm without bias, one matrix for queries, keys and values, torch's own attention, a tied head, clipping,
torch.optim.AdamW; on a GPU its fused form and bfloat16.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def loop(config, batch, device, corpus):
    """``step()`` of the short loop on a model of this shape."""
    width, heads, layers = config.width, config.heads, config.layers

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
            self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
            self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

        def forward(self, x):  # (B, T, D)
            b, t, d = x.shape
            q, k, v = (part.view(b, t, heads, d // heads).transpose(1, 2) for part in self.qkv(self.first(x)).split(d, 2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
            return x + self.down(F.gelu(self.up(self.second(x))))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(config.vocab, width), nn.Embedding(config.context, width)
            self.blocks, self.norm = nn.Sequential(*(Block() for _ in range(layers))), nn.LayerNorm(width, bias=False)
            for weight in self.parameters():
                if weight.ndim == 2:
                    nn.init.normal_(weight, 0.0, 0.02 / math.sqrt(2 * layers))

        def forward(self, x, y):
            x = self.blocks(self.tokens(x) + self.places.weight[: x.shape[1]])
            return F.cross_entropy(F.linear(self.norm(x), self.tokens.weight).flatten(0, 1), y.flatten())

    model = Model().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True if device == "cuda" else None)
    data, length = torch.from_numpy(corpus.train.copy()), config.context

    def step():
        starts = torch.randint(len(data) - length, (batch,)).tolist()
        x = torch.stack([data[i : i + length] for i in starts]).long().to(device)
        y = torch.stack([data[i + 1 : i + 1 + length] for i in starts]).long().to(device)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = model(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    return step
