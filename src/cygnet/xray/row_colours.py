"""The colours of kinds of embedding rows, the same in every picture.

Okabe and Ito's, made to be told apart by the colour-blind, darker where light ground needs it. A
shape or the order of a legend says the same. The page's style sheet repeats them; a test compares.
"""

ROW_COLOURS = {
    "live": "#8c8c86",
    "unseen": "#0072b2",
    "unseen live": "#0072b2",
    "special": "#a8507f",
    "dead": "#d55e00",
}
"""On light ground."""
ON_DARK = {
    "live": "#8b9198",
    "unseen": "#56b4e9",
    "unseen live": "#56b4e9",
    "special": "#dd9cc0",
    "dead": "#e69f00",
}
