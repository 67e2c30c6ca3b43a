"""Under-trained tokens: indicators that find them, and planted dead rows to judge the indicators.

The indicators and the verification are those of "Fishing for Magikarp" (Land and Bartolo 2024,
https://arxiv.org/abs/2405.05417).
"""
