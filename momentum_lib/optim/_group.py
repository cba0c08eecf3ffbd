"""A parameter group, which answers to torch's names for a rule's momentum, too."""

from ..ranges import told


class Group(dict):
    """A group's options under the rule's own names, and two more names for some of them, as torch's schedulers use them.

    ``momentum`` is the hyper-parameter by which the rule's past gradients fade (see :class:`momentum_lib.core.Rule`);
    ``betas`` is (beta1, beta2), where the rule has both.  They are read and written like keys and are not listed: each
    number is there once.  A rule without such a number leaves the name to whoever writes it.
    """

    rules = {}

    def __init__(self, rules, content):
        super().__init__(content)
        self.rules = rules

    @property
    def rule(self):
        """The group's Rule; None where its name is not known."""
        return self.rules.get(super().get("rule"))

    def _own(self, name):
        """The rule's own names behind torch's name, one or two; none for any other key."""
        if name not in ("momentum", "betas") or self.rule is None or name in self.rule.hyper:
            return ()
        if name == "momentum":
            return (self.rule.momentum,) if self.rule.momentum else ()
        return ("beta1", "beta2") if {"beta1", "beta2"} <= set(self.rule.hyper) else ()

    def __missing__(self, name):
        own = self._own(name)
        if not own:
            raise KeyError(name)
        return self[own[0]] if name == "momentum" else tuple(self[key] for key in own)

    def __setitem__(self, name, value):
        own = self._own(name)
        if not own:
            super().__setitem__(name, value)
        elif name == "momentum":
            super().__setitem__(own[0], value)
        else:
            if not isinstance(value, (list, tuple)) or len(value) != len(own):
                raise ValueError(f"betas is {told(value)}; allowed: a pair, {' and '.join(own)} of {self.rule.name}.")
            for key, number in zip(own, value, strict=True):
                super().__setitem__(key, number)

    def __contains__(self, name):
        return super().__contains__(name) or bool(self._own(name))

    def get(self, name, default=None):
        return self[name] if name in self else default

    def setdefault(self, name, default=None):
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, *others, **items):
        for name, value in dict(*others, **items).items():
            self[name] = value

    def __reduce__(self):
        return Group, (self.rules, dict(self))
