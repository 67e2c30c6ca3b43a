"""What a device can do at most, for plans."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Accelerator:
    """A device.

    Attributes:
        flops: Peak of dense bf16 matrix products with sums in fp32, in FLOPs per second.
        memory: Bytes.
    """

    flops: float
    memory: float


ACCELERATORS = {
    name: Accelerator(tera * 1e12, giga * 1e9)
    for name, tera, giga in (
        ("RTX 3090", 71, 24),
        ("RTX 4090", 165.2, 24),
        ("RTX 5090", 209.5, 32),
        ("L4", 121, 24),
        ("L40S", 362, 48),
        ("A100", 312, 80),
        ("H100", 989, 80),
        ("H200", 989, 141),
        ("B200", 2250, 180),
        ("MI300X", 1307, 192),
    )
}
"""Sources: the data sheets of NVIDIA (SXM for A100, H100, H200) and AMD, without sparsity."""
